// Random numbers from a counter: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// The n-th four words depend only on n, so that any division of the work among threads gives the same words as the CPU.
// Each thread computes one block of four words. The bound is arithmetic: ten rounds of two wide products.
#include "common.cuh"

constexpr int Words = 4;

struct Block {
    uint32 word[Words];
};

// state: the key's two words and the number of runs that have drawn; stream: the index of the draw in a run.
__device__ __forceinline__ Block philox(const int* state, int stream, uint32 index)
{
    uint32 c0 = index, c1 = (uint32)stream, c2 = (uint32)state[2], c3 = 0;
    uint32 key0 = (uint32)state[0], key1 = (uint32)state[1];
    #pragma unroll
    for (int round = 0; round < 10; round++) {
        uint64 a = (uint64)c0 * 0xD2511F53u, b = (uint64)c2 * 0xCD9E8D57u;
        c0 = (uint32)(b >> 32) ^ c1 ^ key0;
        c1 = (uint32)b;
        c2 = (uint32)(a >> 32) ^ c3 ^ key1;
        c3 = (uint32)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }

    return {c0, c1, c2, c3};
}

// Converts the upper bits to a fraction: all multiples of 2^-24, or of 2^-53, are equally likely.
__device__ __forceinline__ float fraction(uint32 word) { return (word >> 8) * (1.0f / (1 << 24)); }

__device__ __forceinline__ double fraction(uint32 high, uint32 low)
{
    return (double)(((uint64)high << 32 | low) >> 11) * (1.0 / (1LL << 53));
}

// cos and sin of a fraction of a turn, by their Taylor series within an eighth of a turn. The built-in functions need a
// stack for large arguments, which never occur here. The series' next terms are below 1e-19.
__device__ __forceinline__ void cosSinOfTurn(double turns, double& cosine, double& sine)
{
    double quarters = rint(4 * turns);
    double r = (4 * turns - quarters) * 1.5707963267948966, r2 = r * r;
    double c = 1, s = 1;
    #pragma unroll
    for (int n = 18; n > 0; n -= 2) {
        c = 1 - c * r2 / (n * (n - 1));
        s = 1 - s * r2 / (n * (n + 1));
    }

    s *= r;
    int quarter = (int)quarters & 3;
    cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
}

// Two normally distributed numbers from two fractions (Box and Muller, 1958); 1 − u is never 0. In double, as on the
// CPU.
__device__ __forceinline__ void normalPair(double u, double v, double& a, double& b)
{
    double radius = sqrt(-2 * log(1 - u)), cosine, sine;
    cosSinOfTurn(v, cosine, sine);
    a = radius * cosine;
    b = radius * sine;
}

__device__ __forceinline__ void uniform(const Block& block, float* y)
{
    for (int i = 0; i < Words; i++) {
        y[i] = fraction(block.word[i]);
    }
}

__device__ __forceinline__ void uniform(const Block& block, double* y)
{
    y[0] = fraction(block.word[0], block.word[1]);
    y[1] = fraction(block.word[2], block.word[3]);
}

__device__ __forceinline__ void normal(const Block& block, float* y)
{
    double a, b, c, d;
    normalPair(fraction(block.word[0]), fraction(block.word[1]), a, b);
    normalPair(fraction(block.word[2]), fraction(block.word[3]), c, d);
    y[0] = (float)a;
    y[1] = (float)b;
    y[2] = (float)c;
    y[3] = (float)d;
}

__device__ __forceinline__ void normal(const Block& block, double* y)
{
    normalPair(fraction(block.word[0], block.word[1]), fraction(block.word[2], block.word[3]), y[0], y[1]);
}

// Numbers of the distribution DRAW: four floats, or two doubles, from a block of words.
extern "C" __global__ void draw(const int* state, int stream, T* y, int count)
{
    constexpr int PerBlock = 16 / sizeof(T);
    int block = blockIdx.x * blockDim.x + threadIdx.x;
    int64 first = (int64)block * PerBlock;
    if (first >= count) {
        return;
    }

    T numbers[PerBlock];
    DRAW(philox(state, stream, (uint32)block), numbers);
    #pragma unroll
    for (int i = 0; i < PerBlock; i++) {
        if (first + i < count) {
            y[first + i] = numbers[i];
        }
    }
}

// y = x · scale if a word's upper 24 bits are at least the threshold, otherwise 0; y may be x.
extern "C" __global__ void dropout(
    const T* x, const int* state, int stream, uint32 threshold, double scale, T* y, int count)
{
    int block = blockIdx.x * blockDim.x + threadIdx.x;
    int64 first = (int64)block * Words;
    if (first >= count) {
        return;
    }

    Block words = philox(state, stream, (uint32)block);
    #pragma unroll
    for (int i = 0; i < Words; i++) {
        if (first + i < count) {
            y[first + i] = words.word[i] >> 8 >= threshold ? x[first + i] * (T)scale : T(0);
        }
    }
}
