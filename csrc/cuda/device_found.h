// Finds the GPU that the kernels run on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace wavegen::cuda {

std::optional<std::string> missing();  // the reason, or none
std::string device_name();
std::size_t multiprocessors();

}  // namespace wavegen::cuda
