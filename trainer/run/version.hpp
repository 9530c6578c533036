#pragma once

namespace hone {

inline constexpr char kVersion[] = HONE_VERSION;

}  // namespace hone
