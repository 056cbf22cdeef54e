// Fused temporal interlacing: every element is read once and written once. Defined in training/model/interlace.py.
//
// A frame consists of runs: `run` elements of group 0, then of groups 1, 2 and 3, then of group 0 again.
//   LINEAR [N * T, C, H, W]:                   run = C / 4 * H * W, one round of the four groups per frame
//   HWC8   [N * T, H, W, C], C a multiple of 8: run = C / 4, one round per pixel
// One kernel therefore serves both layouts. A thread moves WIDTH adjacent elements (WIDTH divides `run`) through all
// frames of its clip.
//
// Compiled with -DNUM_FRAMES=T, since frames are held in registers, which cannot be indexed by a variable.

struct Half {
    unsigned short bits;
};

#ifdef __CUDACC__
__device__ float widen(Half value) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
}

__device__ void narrow(float value, Half& result) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value)); }
#endif

__device__ float widen(float value) { return value; }

__device__ void narrow(float value, float& result) { result = value; }

template <typename Element, int WIDTH>
struct alignas(sizeof(Element) * WIDTH) Vector {
    Element elements[WIDTH];
};

template <typename Element, int WIDTH>
__device__ Vector<Element, WIDTH> interpolate(
    const Vector<Element, WIDTH>& earlier, const Vector<Element, WIDTH>& later, float fraction, float weight) {
    Vector<Element, WIDTH> mixed;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) {
        const float at_whole = (1.0f - fraction) * widen(later.elements[i]);
        narrow(weight * (at_whole + fraction * widen(earlier.elements[i])), mixed.elements[i]);
    }
    return mixed;
}

// Frame t of the output mixes frames t - whole and t - whole - 1, so held[i] is frame i - whole - 1: indices into
// `held` are constants in the unrolled loops, and only addresses depend on the offset.
template <typename Element, int WIDTH>
__device__ void interlace(const Element* __restrict__ features, const float* __restrict__ offsets,
    const float* __restrict__ weights, int frame_size, int run, Element* __restrict__ output) {
    using Packed = Vector<Element, WIDTH>;
    const int packed_frame = frame_size / WIDTH;
    const int position = blockIdx.x * blockDim.x + threadIdx.x;
    if (position >= packed_frame) return;

    const int clip = blockIdx.y;
    const int group = position / (run / WIDTH) % 4;
    const int column = group % 2;
    const float offset = group < 2 ? offsets[2 * clip + column] : -offsets[2 * clip + column];
    const float whole = floorf(offset);
    const float fraction = offset - whole;

    const size_t start = static_cast<size_t>(clip) * NUM_FRAMES * packed_frame + position;
    const Packed* source = reinterpret_cast<const Packed*>(features) + start;
    Packed* target = reinterpret_cast<Packed*>(output) + start;

    Packed held[NUM_FRAMES + 1];
#pragma unroll
    for (int i = 0; i <= NUM_FRAMES; ++i) {
        const float frame = static_cast<float>(i - 1) - whole;
        const bool inside = 0.0f <= frame && frame < static_cast<float>(NUM_FRAMES);
        held[i] = inside ? source[static_cast<size_t>(frame) * packed_frame] : Packed{};
    }
#pragma unroll
    for (int t = 0; t < NUM_FRAMES; ++t) {
        const float weight = weights[2 * (clip * NUM_FRAMES + t) + column];
        target[static_cast<size_t>(t) * packed_frame] = interpolate(held[t], held[t + 1], fraction, weight);
    }
}

#define INTERLACE_KERNEL(NAME, ELEMENT, WIDTH)                                                                        \
    extern "C" __global__ void NAME(const ELEMENT* features, const float* offsets, const float* weights,              \
        int frame_size, int run, ELEMENT* output) {                                                                   \
        interlace<ELEMENT, WIDTH>(features, offsets, weights, frame_size, run, output);                               \
    }

INTERLACE_KERNEL(interlace_fp32_x1, float, 1)
INTERLACE_KERNEL(interlace_fp32_x2, float, 2)
INTERLACE_KERNEL(interlace_fp32_x4, float, 4)
INTERLACE_KERNEL(interlace_fp16_x1, Half, 1)
INTERLACE_KERNEL(interlace_fp16_x2, Half, 2)
INTERLACE_KERNEL(interlace_fp16_x4, Half, 4)
INTERLACE_KERNEL(interlace_fp16_x8, Half, 8)
