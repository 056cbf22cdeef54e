// Fused temporal interlacing: every element is read once and written once. Defined in training/model/interlace.py.
//
// A frame consists of runs: `run` elements of group 0, then of groups 1, 2 and 3, then of group 0 again.
//   LINEAR [N * T, C, H, W]:                   run = C / 4 * H * W, one round of the four groups per frame
//   HWC8   [N * T, H, W, C], C a multiple of 8: run = C / 4, one round per pixel
// One kernel therefore serves both layouts. A thread moves WORDS adjacent words (which divide `run`) through all frames
// of its clip. A word is a float, a Half or a pair of them.
//
// Compiled with -DNUM_FRAMES=T, since frames are held in registers, which cannot be indexed by a variable.

struct Half {
    static constexpr int ELEMENTS = 1;
    unsigned short bits;
};

struct HalfPair {
    static constexpr int ELEMENTS = 2;
    unsigned int bits;
};

struct Float {
    static constexpr int ELEMENTS = 1;
    unsigned int bits;
};

template <typename Word, int WORDS>
struct alignas(sizeof(Word) * WORDS) Packed {
    Word words[WORDS];
};

#ifdef __CUDACC__
__device__ float widen(Half half) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(half.bits));
    return wide;
}

__device__ Half narrow(float value) {
    Half half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half.bits) : "f"(value));
    return half;
}

// Loads of one access, or of zeros, under a predicate: a branch would take the computation of the address along.
__device__ Packed<Half, 1> load(const Packed<Half, 1>* from, bool inside) {
    Packed<Half, 1> held{};
    asm("{.reg .pred p; setp.ne.s32 p, %2, 0; @p ld.global.nc.u16 %0, [%1];}"
        : "+h"(held.words[0].bits)
        : "l"(from), "r"(static_cast<int>(inside)));
    return held;
}

template <typename Word>
__device__ Packed<Word, 1> load(const Packed<Word, 1>* from, bool inside) {
    Packed<Word, 1> held{};
    asm("{.reg .pred p; setp.ne.s32 p, %2, 0; @p ld.global.nc.u32 %0, [%1];}"
        : "+r"(held.words[0].bits)
        : "l"(from), "r"(static_cast<int>(inside)));
    return held;
}

template <typename Word>
__device__ Packed<Word, 2> load(const Packed<Word, 2>* from, bool inside) {
    Packed<Word, 2> held{};
    asm("{.reg .pred p; setp.ne.s32 p, %3, 0; @p ld.global.nc.v2.u32 {%0, %1}, [%2];}"
        : "+r"(held.words[0].bits), "+r"(held.words[1].bits)
        : "l"(from), "r"(static_cast<int>(inside)));
    return held;
}

template <typename Word>
__device__ Packed<Word, 4> load(const Packed<Word, 4>* from, bool inside) {
    Packed<Word, 4> held{};
    asm("{.reg .pred p; setp.ne.s32 p, %5, 0; @p ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];}"
        : "+r"(held.words[0].bits), "+r"(held.words[1].bits), "+r"(held.words[2].bits), "+r"(held.words[3].bits)
        : "l"(from), "r"(static_cast<int>(inside)));
    return held;
}
#endif

// What frame t becomes: `of_later` times one frame plus `of_earlier` times the frame before that one.
struct Mix {
    float of_later, of_earlier;

    __device__ float operator()(float later, float earlier) const { return of_later * later + of_earlier * earlier; }

    __device__ Float operator()(Float later, Float earlier) const {
        return {__float_as_uint((*this)(__uint_as_float(later.bits), __uint_as_float(earlier.bits)))};
    }

    __device__ Half operator()(Half later, Half earlier) const {
        return narrow((*this)(widen(later), widen(earlier)));
    }

    __device__ HalfPair operator()(HalfPair later, HalfPair earlier) const {
        const Half low = (*this)(low_of(later), low_of(earlier)), high = (*this)(high_of(later), high_of(earlier));
        return {low.bits | static_cast<unsigned int>(high.bits) << 16};
    }

    __device__ static Half low_of(HalfPair pair) { return {static_cast<unsigned short>(pair.bits)}; }

    __device__ static Half high_of(HalfPair pair) { return {static_cast<unsigned short>(pair.bits >> 16)}; }
};

// Frame t of the output mixes frames t - whole and t - whole - 1, so held[i] is frame i - whole - 1: indices into
// `held` are constants in the unrolled loops, and only addresses depend on the offset. Words stay packed until they are
// mixed: if they were taken apart where they are loaded, each load would be waited for before the next.
template <typename Word, int WORDS>
__device__ void interlace(const void* features, const float* __restrict__ offsets, const float* __restrict__ weights,
    int frame_size, int run, void* output) {
    using Access = Packed<Word, WORDS>;
    constexpr int WIDTH = WORDS * Word::ELEMENTS;
    const int packed_frame = frame_size / WIDTH;
    const int position = blockIdx.x * blockDim.x + threadIdx.x;
    if (position >= packed_frame) return;

    const int clip = blockIdx.y;
    const unsigned int group = static_cast<unsigned int>(position) / static_cast<unsigned int>(run / WIDTH) % 4;
    const int column = group % 2;
    const float offset = group < 2 ? offsets[2 * clip + column] : -offsets[2 * clip + column];
    const float floored = floorf(offset);
    const int whole = static_cast<int>(floored);
    const float fraction = offset - floored;

    const long long start = static_cast<long long>(clip) * NUM_FRAMES * packed_frame + position;
    const Access* source = static_cast<const Access*>(features) + start;
    Access* target = static_cast<Access*>(output) + start;

    Access held[NUM_FRAMES + 1];
#pragma unroll
    for (int i = 0; i <= NUM_FRAMES; ++i) {
        const int frame = i - 1 - whole;
        const bool inside = static_cast<unsigned int>(frame) < NUM_FRAMES;
        held[i] = load(source + static_cast<long long>(frame) * packed_frame, inside);
    }
#pragma unroll
    for (int t = 0; t < NUM_FRAMES; ++t) {
        const float weight = weights[2 * (clip * NUM_FRAMES + t) + column];
        const Mix mix{weight * (1.0f - fraction), weight * fraction};
        Access mixed;
#pragma unroll
        for (int i = 0; i < WORDS; ++i) mixed.words[i] = mix(held[t + 1].words[i], held[t].words[i]);
        target[static_cast<long long>(t) * packed_frame] = mixed;
    }
}

#define INTERLACE_KERNEL(NAME, WORD, WORDS)                                                                           \
    extern "C" __global__ void NAME(const void* features, const float* offsets, const float* weights, int frame_size, \
        int run, void* output) {                                                                                      \
        interlace<WORD, WORDS>(features, offsets, weights, frame_size, run, output);                                  \
    }

INTERLACE_KERNEL(interlace_fp32_x1, Float, 1)
INTERLACE_KERNEL(interlace_fp32_x2, Float, 2)
INTERLACE_KERNEL(interlace_fp32_x4, Float, 4)
INTERLACE_KERNEL(interlace_fp16_x1, Half, 1)
INTERLACE_KERNEL(interlace_fp16_x2, HalfPair, 1)
INTERLACE_KERNEL(interlace_fp16_x4, HalfPair, 2)
INTERLACE_KERNEL(interlace_fp16_x8, HalfPair, 4)
