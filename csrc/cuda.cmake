# The CUDA engine, wavegen_cuda, where there is a CUDA compiler that works. Its kernels are compiled while CMake
# configures, so that a compiler that fails costs that engine alone, and one line says so.

set(WAVEGEN_CUDA ON CACHE BOOL "Build the CUDA engine if there is an nvcc")
set(WAVEGEN_CUDA_CLOCKS OFF CACHE BOOL "Count where its time goes, which takes some")
find_program(WAVEGEN_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
if(NOT WAVEGEN_CUDA OR NOT WAVEGEN_NVCC)
  return()
endif()

set(kernels ${CMAKE_CURRENT_BINARY_DIR}/cuda_kernels.o)
set(flags
  -std=c++17 -O3 -t2 -I${CMAKE_CURRENT_SOURCE_DIR} -fmad=false --expt-relaxed-constexpr -Xcompiler=-fPIC,-fvisibility=hidden
  -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=[sm_90,compute_90])
if(NOT DEFINED ENV{NVCC_CCBIN}) # which names a compiler that this nvcc knows, as some distributors' do
  list(APPEND flags -ccbin ${CMAKE_CXX_COMPILER})
endif()
if(WAVEGEN_CUDA_CLOCKS)
  list(APPEND flags -DWAVEGEN_CLOCKS)
endif()

# Where the toolkit is, as nvcc itself says, which may be a script that calls another.
execute_process(COMMAND ${WAVEGEN_NVCC} --dryrun -c x.cu OUTPUT_VARIABLE dry_run ERROR_VARIABLE dry_run)
string(REGEX MATCH "TOP=([^\n]+)" found "${dry_run}")
string(STRIP "${CMAKE_MATCH_1}" toolkit)
file(GLOB folders ${toolkit} ${toolkit}/targets/*)
unset(WAVEGEN_CUDA_INCLUDE CACHE)
unset(WAVEGEN_CUDART CACHE)
find_path(WAVEGEN_CUDA_INCLUDE cuda_runtime.h HINTS ${folders} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(WAVEGEN_CUDART cudart_static HINTS ${folders} PATH_SUFFIXES lib64 lib NO_DEFAULT_PATH)
# Distributions have them where they have all headers and libraries.
find_path(WAVEGEN_CUDA_INCLUDE cuda_runtime.h)
find_library(WAVEGEN_CUDART cudart_static)
execute_process(COMMAND ${WAVEGEN_NVCC} --version OUTPUT_VARIABLE version ERROR_QUIET)

# Compiled again only if a file or a flag has changed.
file(GLOB sources CONFIGURE_DEPENDS
  cuda/*.cu* */*.h distributions/tables/*.inl cpu/activations.inl)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
set(state "${WAVEGEN_NVCC} ${version} ${WAVEGEN_CUDA_INCLUDE} ${WAVEGEN_CUDART} ${flags}")
foreach(source IN LISTS sources)
  file(SHA256 ${source} hash)
  string(APPEND state " ${hash}")
endforeach()
set(why "")
if(NOT WAVEGEN_CUDA_INCLUDE OR NOT WAVEGEN_CUDART)
  set(why "${WAVEGEN_NVCC} comes without cuda_runtime.h or libcudart_static.a")
elseif(NOT EXISTS ${kernels} OR NOT state STREQUAL "${WAVEGEN_CUDA_STATE}")
  message(STATUS "Compiling the CUDA kernels")
  execute_process(
    COMMAND ${WAVEGEN_NVCC} ${flags} -c ${CMAKE_CURRENT_SOURCE_DIR}/cuda/kernels.cu -o ${kernels}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT failed)
    execute_process(
      COMMAND ${CMAKE_CXX_COMPILER} -shared ${kernels} ${WAVEGEN_CUDART} -ldl -lrt -lpthread -o ${kernels}.so
      RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  endif()
  if(failed)
    string(REGEX MATCH "[^\n]*(error|fatal|unsupported|not )[^\n]*" line "${said}")
    set(why "${WAVEGEN_NVCC} cannot compile its kernels (${line})")
  endif()
endif()
if(why)
  file(REMOVE ${kernels})
  message(WARNING "wavegen is built without its CUDA engine: ${why}")
  return()
endif()
set(WAVEGEN_CUDA_STATE "${state}" CACHE INTERNAL "what the kernels were compiled from")

nanobind_add_module(wavegen_cuda STABLE_ABI NOMINSIZE NOSTRIP
  bindings/cuda.cpp cuda/engine.cpp cuda/weights.cpp cuda/launch_plan.cpp cuda/device_found.cpp
  distributions/component.cpp ${kernels})
set_source_files_properties(${kernels} PROPERTIES EXTERNAL_OBJECT ON)
target_include_directories(wavegen_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_include_directories(wavegen_cuda SYSTEM PRIVATE ${WAVEGEN_CUDA_INCLUDE})
target_compile_options(wavegen_cuda PRIVATE ${WAVEGEN_OPTIONS})
# The runtime within: without a driver the module can still be imported, and say so.
target_link_libraries(wavegen_cuda PRIVATE ${WAVEGEN_CUDART} ${CMAKE_DL_LIBS} rt Threads::Threads)
target_link_options(wavegen_cuda PRIVATE -Wl,--exclude-libs,ALL)
install(TARGETS wavegen_cuda LIBRARY DESTINATION .)
nanobind_add_stub(wavegen_cuda_stub
  MODULE wavegen_cuda OUTPUT wavegen_cuda.pyi PYTHON_PATH $<TARGET_FILE_DIR:wavegen_cuda> DEPENDS wavegen_cuda)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/wavegen_cuda.pyi DESTINATION .)
