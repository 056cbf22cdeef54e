// interlace.cu compiled for this machine's CPU: blocks and threads become loops.
#include <immintrin.h>

#include <cmath>
#include <cstddef>

#define __device__ static inline
#define __global__

struct Index {
    int x, y;
};
static Index blockIdx, blockDim, threadIdx;

#include "interlace.cu"

static inline float widen(Half value) { return _cvtsh_ss(value.bits); }

static inline void narrow(float value, Half& result) { result.bits = _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT); }

using Kernel = void (*)(const void*, const float*, const float*, int, int, void*);

extern "C" void launch(Kernel kernel, int blocks, int clips, int threads, const void* features, const float* offsets,
    const float* weights, int frame_size, int run, void* output) {
    blockDim = {threads, 1};
    for (int clip = 0; clip < clips; ++clip)
        for (int block = 0; block < blocks; ++block)
            for (int thread = 0; thread < threads; ++thread) {
                blockIdx = {block, clip};
                threadIdx = {thread, 0};
                kernel(features, offsets, weights, frame_size, run, output);
            }
}
