// Offsets and weights of a block's interlacing from its pooled features, one thread block per clip: the networks
// OffsetNet and WeightNet of training/model/interlace.py in one launch.
//
// Three convolutions over time read the pooled features [N * T, C]: one for the offsets, two for the weights. A thread
// sums over its channels with all frames in registers, then the threads' sums are added up in shared memory.
//
// Compiled with -DNUM_FRAMES=T. Everything is computed in float32.

constexpr int THREADS = NUM_FRAMES <= 31 ? 128 : 64;  // a thread block has 48 KB of shared memory
constexpr int CONVOLUTIONS = 3, TAPS = 3, COLUMNS = 2;
constexpr int SUMS = CONVOLUTIONS * NUM_FRAMES;
constexpr float MAX_OFFSET = 2.0f, MAX_WEIGHT = 2.0f;

struct Half {
    unsigned short bits;
};

#ifdef __CUDACC__
__device__ float widen(Half half) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(half.bits));
    return wide;
}
#endif

__device__ float widen(float value) { return value; }

__device__ float sigmoid(float value) { return 1.0f / (1.0f + expf(-value)); }

// A convolution's sums over one channel; frames outside the clip are zero.
__device__ void add_channel(const float* __restrict__ taps, const float* frames, float* sums) {
#pragma unroll
    for (int tap = 0; tap < TAPS; ++tap) {
        const float factor = taps[tap];
#pragma unroll
        for (int t = 0; t < NUM_FRAMES; ++t) {
            const int frame = t + tap - TAPS / 2;
            if (frame >= 0 && frame < NUM_FRAMES) sums[t] += factor * frames[frame];
        }
    }
}

// The three convolutions' sums over the channels of this thread, without the biases.
template <typename Element>
__device__ void convolve(const Element* __restrict__ pooled, const float* offset_taps, const float* weight_taps,
    int channels, float* sums) {
    for (int channel = threadIdx.x; channel < channels; channel += THREADS) {
        float frames[NUM_FRAMES];
#pragma unroll
        for (int t = 0; t < NUM_FRAMES; ++t) frames[t] = widen(pooled[t * channels + channel]);
        add_channel(offset_taps + TAPS * channel, frames, sums);
#pragma unroll
        for (int column = 0; column < COLUMNS; ++column)
            add_channel(weight_taps + TAPS * (column * channels + channel), frames, sums + (1 + column) * NUM_FRAMES);
    }
}

// Adds up the sums of all threads, in pairs; the totals are those of thread 0.
__device__ void add_up(float (*shared)[THREADS]) {
#pragma unroll
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
#pragma unroll 1
        for (int pair = threadIdx.x; pair < SUMS * half; pair += THREADS)
            shared[pair / half][pair % half] += shared[pair / half][pair % half + half];
    }
    __syncthreads();
}

template <typename Element>
__device__ void plan(const Element* pooled, const float* offset_taps, const float* offset_bias,
    const float* __restrict__ fc1_weight, const float* fc1_bias, const float* __restrict__ fc2_weight,
    const float* fc2_bias, const float* weight_taps, const float* weight_bias, int channels, float* offsets,
    float* weights) {
    __shared__ float shared[SUMS][THREADS];
    __shared__ float hidden[NUM_FRAMES];
    const int clip = blockIdx.x, thread = threadIdx.x;

    float sums[SUMS] = {};
    convolve(pooled + static_cast<long long>(clip) * NUM_FRAMES * channels, offset_taps, weight_taps, channels, sums);
#pragma unroll
    for (int i = 0; i < SUMS; ++i) shared[i][thread] = sums[i];
    add_up(shared);

    if (thread < NUM_FRAMES) {
        float value = fc1_bias[thread];
#pragma unroll
        for (int t = 0; t < NUM_FRAMES; ++t)
            value += fc1_weight[thread * NUM_FRAMES + t] * (shared[t][0] + offset_bias[0]);
        hidden[thread] = fmaxf(value, 0.0f);
    }
#pragma unroll 1
    for (int i = thread; i < COLUMNS * NUM_FRAMES; i += THREADS) {
        const int t = i / COLUMNS, column = i % COLUMNS;
        const float convolved = shared[(1 + column) * NUM_FRAMES + t][0] + weight_bias[column];
        weights[COLUMNS * NUM_FRAMES * clip + i] = MAX_WEIGHT * sigmoid(convolved);
    }
    __syncthreads();
    if (thread < COLUMNS) {
        float value = fc2_bias[thread];
#pragma unroll
        for (int t = 0; t < NUM_FRAMES; ++t) value += fc2_weight[thread * NUM_FRAMES + t] * hidden[t];
        offsets[COLUMNS * clip + thread] = 2.0f * MAX_OFFSET * (sigmoid(value) - 0.5f);
    }
}

#define PLAN_KERNEL(NAME, ELEMENT)                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) NAME(const ELEMENT* pooled, const float* offset_taps,     \
        const float* offset_bias, const float* fc1_weight, const float* fc1_bias, const float* fc2_weight,          \
        const float* fc2_bias, const float* weight_taps, const float* weight_bias, int channels, float* offsets,    \
        float* weights) {                                                                                           \
        plan(pooled, offset_taps, offset_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias, weight_taps, weight_bias, \
            channels, offsets, weights);                                                                            \
    }

PLAN_KERNEL(plan_fp32, float)
PLAN_KERNEL(plan_fp16, Half)
