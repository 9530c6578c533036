# cmake --install: the headers below include/hone, the library, the program, and find_package(hone) -> hone::hone.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hone)
# Kernels are an implementation: only what the planner's public headers mention is installed.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/engine DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hone
  FILES_MATCHING PATTERN "*.hpp" PATTERN simd EXCLUDE PATTERN isa EXCLUDE PATTERN ref EXCLUDE)
install(TARGETS hone EXPORT hone ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET hone_program)
  install(TARGETS hone_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT hone NAMESPACE hone:: FILE honeTargets.cmake DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/honeConfig.cmake.in ${CMAKE_BINARY_DIR}/honeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/honeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/honeConfig.cmake ${CMAKE_BINARY_DIR}/honeConfigVersion.cmake
  DESTINATION ${package_dir})
