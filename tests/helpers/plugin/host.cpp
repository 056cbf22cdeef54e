// interlace.cu compiled for this machine's CPU: blocks and threads become loops.
#include <immintrin.h>

#include <cmath>
#include <cstring>

#define __device__ inline
#define __global__

struct Index {
    int x, y;
};
static Index blockIdx, blockDim, threadIdx;

struct Half;
static inline float widen(Half half);
static inline Half narrow(float value);

template <typename To, typename From>
static inline To same_bits(From from) {
    To to;
    std::memcpy(&to, &from, sizeof(to));
    return to;
}

static inline float __uint_as_float(unsigned int bits) { return same_bits<float>(bits); }

static inline unsigned int __float_as_uint(float value) { return same_bits<unsigned int>(value); }

#include "interlace.cu"

static inline float widen(Half half) { return _cvtsh_ss(half.bits); }

static inline Half narrow(float value) { return {_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT)}; }

template <typename Word, int WORDS>
static inline Packed<Word, WORDS> load(const Packed<Word, WORDS>* from, bool inside) {
    return inside ? *from : Packed<Word, WORDS>{};
}

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
