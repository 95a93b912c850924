// Whether there is a GPU that the kernels run on.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace wavegen::cuda {

std::optional<std::string> missing();  // why not, in a few words
std::string device_name();
std::size_t multiprocessors();

}  // namespace wavegen::cuda
