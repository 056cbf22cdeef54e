// plan.cu compiled for this machine's CPU: a block's threads are threads, which wait for each other at a barrier.
#include <immintrin.h>

#include <barrier>
#include <cmath>
#include <thread>
#include <vector>

#define __device__ static inline
#define __global__
#define __shared__ static
#define __launch_bounds__(threads)

struct Index {
    int x;
};
static Index blockIdx;
static thread_local Index threadIdx;

static void __syncthreads();

struct Half;
static inline float widen(Half half);

#include "plan.cu"

static inline float widen(Half half) { return _cvtsh_ss(half.bits); }

static std::barrier together(THREADS);

static void __syncthreads() { together.arrive_and_wait(); }

using Kernel = void (*)(const void*, const float*, const float*, const float*, const float*, const float*, const float*,
    const float*, const float*, int, float*, float*);

// `layers` are the eight parameters in the order of the kernel.
extern "C" void launch(Kernel kernel, int clips, const void* pooled, const float* const* layers, int channels,
    float* offsets, float* weights) {
    for (int clip = 0; clip < clips; ++clip) {
        blockIdx = {clip};
        std::vector<std::thread> threads;
        for (int thread = 0; thread < THREADS; ++thread)
            threads.emplace_back([=] {
                threadIdx = {thread};
                kernel(pooled, layers[0], layers[1], layers[2], layers[3], layers[4], layers[5], layers[6], layers[7],
                    channels, offsets, weights);
            });
        for (auto& thread : threads) thread.join();
    }
}
