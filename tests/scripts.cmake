# The tests that are scripts. Each runs with HONE_BUILD_DIR and HONE_SOURCE_DIR in its environment.
find_program(BATS bats REQUIRED)
set(script_environment HONE_SOURCE_DIR=${CMAKE_SOURCE_DIR} HONE_BUILD_DIR=${CMAKE_BINARY_DIR})

function(add_bats name file labels cost)
  add_test(NAME ${name} COMMAND ${BATS} --tap ${file})
  set_tests_properties(${name} PROPERTIES LABELS "script;${labels}" TIMEOUT 900 ENVIRONMENT "${script_environment};${ARGN}"
    COST ${cost})
  if("serial" IN_LIST labels)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  if("containers" IN_LIST labels)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED container_engine)
  endif()
endfunction()

# Sets `words` to what a line `# <key>: ...` of the file says.
function(words_of_line file key)
  file(STRINGS ${file} line REGEX "^# ${key}:" LIMIT_COUNT 1)
  string(REGEX REPLACE "^# ${key}: *" "" line "${line}")
  string(REGEX REPLACE "[, ]+" ";" line "${line}")
  set(words "${line}" PARENT_SCOPE)
endfunction()

# tests/pipeline/quickstart.bats is the ctest test pipeline.quickstart; `# ctest-labels: ...` as for unit tests. The longest
# begin first: `# ctest-cost: 80` says how many seconds it takes alone. A file with a line `# ctest-engines: docker podman`
# is run once more on each of these, as pipeline.chain.docker, in full runs.
file(GLOB_RECURSE bats_files CONFIGURE_DEPENDS *.bats)
foreach(file ${bats_files})
  file(RELATIVE_PATH relative ${CMAKE_CURRENT_SOURCE_DIR} ${file})
  string(REGEX REPLACE "\\.bats$" "" name ${relative})
  string(REPLACE "/" "." name ${name})
  words_of_line(${file} ctest-labels)
  set(labels ${words})
  words_of_line(${file} ctest-cost)
  set(cost 10 ${words})
  list(GET cost -1 cost)
  add_bats(${name} ${file} "${labels}" ${cost})
  words_of_line(${file} ctest-engines)
  foreach(engine ${words})
    add_bats(${name}.${engine} ${file} "${labels};containers;long" ${cost} HONE_ENGINE=${engine})
  endforeach()
endforeach()

# Those labelled `containers` share one daemon. Where it can't be had they skip themselves.
set(start_engine ${CMAKE_SOURCE_DIR}/pipeline/lib/start-engine)
add_test(NAME containers.start COMMAND sh -c "${start_engine} docker || true")
add_test(NAME containers.stop COMMAND ${start_engine} --stop)
set_tests_properties(containers.start PROPERTIES LABELS script TIMEOUT 900 FIXTURES_SETUP container_engine)
set_tests_properties(containers.stop PROPERTIES LABELS script TIMEOUT 60 FIXTURES_CLEANUP container_engine)

# Each reads the whole tree, prints what is wrong as file:line: text, and fails where it printed anything.
foreach(lint format shell includes words tree)
  add_test(NAME lint.${lint} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${lint} ${CMAKE_SOURCE_DIR})
  set_tests_properties(lint.${lint} PROPERTIES LABELS "script;lint" TIMEOUT 900)
endforeach()
add_test(NAME lint.isa_symbols
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/isa_symbols ${CMAKE_SOURCE_DIR} $<TARGET_FILE:hone>)
set_tests_properties(lint.shell PROPERTIES COST 90)
set_tests_properties(lint.isa_symbols PROPERTIES LABELS "script;lint" TIMEOUT 300)

add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/run ${CMAKE_BINARY_DIR} ${CMAKE_CXX_COMPILER})
set_tests_properties(install PROPERTIES LABELS script TIMEOUT 300)
