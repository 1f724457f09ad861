// A network's output layer with few classes, the losses of its softmax, and their gradients, in one launch:
//
//   z = h · w + bias, losses = log Σ exp(z) − z[label], dz = (softmax(z) − 1 at the label) g, dh = dz · wᵀ
//
//   h, dh: T, (rows, UNITS); w: (UNITS, CLASSES); bias: (CLASSES), with BIAS 1; labels: int, (rows);
//   dz: (rows, CLASSES); losses: (rows); the factors g are gStep apart: 0 if all rows share one; dh with INPUTS 1
//
// A warp computes a row. Its lanes go along the units, each with a sum for every class; after the join, lane c has
// class c. A block keeps the weights in shared memory, those of a unit in an odd number of fours, so that four are read
// at once and the lanes use different banks. If there are few weights, a thread keeps its own for the second product.
// Each of the products alone would be a launch with a few thousand products per block, bound by its latency: this is
// one chain of about 500 instructions per row.
//
// EPILOGUE(x, i, j) for dz, LOSS_EPILOGUE(x, i), INPUT_EPILOGUE(x, i, j) for dh and OPERANDS as in gemm.cuh.
#include "packs.cuh"
#include "rows.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif
#ifndef LOSS_EPILOGUE
#define LOSS_EPILOGUE(...)
#endif
#ifndef INPUT_EPILOGUE
#define INPUT_EPILOGUE(...)
#endif

constexpr int Four = 4, Fours = (CLASSES + Four - 1) / Four | 1, Step = Fours * Four;

// The number of units of a lane, and whether it keeps their weights in registers.
constexpr int Rounds = (UNITS + WarpThreads - 1) / WarpThreads;
constexpr bool AreKept = Rounds * CLASSES * sizeof(T) <= 320;

// The lanes that may have a class.
constexpr int ClassLanes = CLASSES > 16 ? 32 : CLASSES > 8 ? 16 : CLASSES > 4 ? 8 : 4;

__device__ __forceinline__ void loadWeights(T (&own)[Step], const T* weights, int unit)
{
    #pragma unroll
    for (int c = 0; c < CLASSES; c += Four) {
        load<Four>(own + c, weights + unit * Step + c);
    }
}

// Adds up all lanes' sums of each class. A lane keeps one half of Count classes, which a bit of its number selects, and
// gives the other half to its partner, so that each step halves the exchanged data. `lane` becomes the lane with the
// sum of class `wanted`.
template <int Count, int Bit>
__device__ __forceinline__ T joinClasses(const T (&sums)[Count], int wanted, int& lane)
{
    if constexpr (Bit == 0) {
        return sums[0];
    } else {
        constexpr int Half = (Count + 1) / 2;
        bool isUpper = threadIdx.x & Bit;
        T own[Half];
        #pragma unroll
        for (int i = 0; i < Half; i++) {
            T lower = sums[i], upper = Half + i < Count ? sums[(Half + i) % Count] : T(0);
            own[i] = (isUpper ? upper : lower) + __shfl_xor_sync(WholeWarp, isUpper ? lower : upper, Bit);
        }

        lane += wanted >= Half ? Bit : 0;
        return joinClasses<Half, Bit / 2>(own, wanted >= Half ? wanted - Half : wanted, lane);
    }
}

extern "C" __global__ void __launch_bounds__(Threads) dense_cross_entropy(
    const T* h, const T* w, const T* bias, const int* labels, const T* g, T* dz, T* losses, T* dh, int rows, int gStep,
    Fault* fault, int code OPERANDS)
{
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    T* weights = (T*)sharedBytes;
    // From one weight of a thread to the next, the class and the offset increase by constants, except for the padding.
    unsigned c = threadIdx.x % Step, from = threadIdx.x / Step * CLASSES + c;
    #pragma unroll 8
    for (int first = 0; first < UNITS * Step; first += Threads) {
        if (first + Threads <= UNITS * Step || first + threadIdx.x < UNITS * Step) {
            weights[first + threadIdx.x] = c < CLASSES ? w[from] : T(0);
        }

        bool isNext = c >= Step - Threads % Step;
        c += Threads % Step - (isNext ? Step : 0);
        from += Threads / Step * CLASSES + Threads % Step - (isNext ? Step - CLASSES : 0);
    }

    __syncthreads();
    Row row;
    if (row.index >= rows) {
        return;
    }

    int i = (int)row.index, lane = row.lane, label = labels[i];
    bool isClassLane = lane < CLASSES;
    const T* own = h + row.index * UNITS;
    T sums[CLASSES] = {}, kept[AreKept ? Rounds : 1][Step];
    #pragma unroll
    for (int round = 0; round < Rounds; round++) {
        int k = round * WarpThreads + lane;
        if (k < UNITS) {
            T x = own[k], (&of)[Step] = kept[AreKept ? round : 0];
            loadWeights(of, weights, k);
            #pragma unroll
            for (int c = 0; c < CLASSES; c++) {
                sums[c] += x * of[c];
            }
        }
    }

    int holder = 0;
    T z = joinClasses<CLASSES, WarpThreads / 2>(sums, lane % CLASSES, holder);
    z = __shfl_sync(WholeWarp, z, holder);
#if BIAS
    z += bias[lane % CLASSES];
#endif
    z = isClassLane ? z : lowest(T(0));
    T rowMax = maxOfWarp<ClassLanes>(z), power = isClassLane ? exactExp(z, rowMax) : T(0);
    T sum = sumOfWarp<ClassLanes>(power);
    T ofLabel = __shfl_sync(WholeWarp, z, label & (WarpThreads - 1));
    if (lane == 0) {
        // The loss of a label that is no class is written, too: no launch reads what nobody wrote.
        isClass(label, i, CLASSES, fault, code);
        // The difference from the row's maximum comes first, because both may be large.
        T loss = (rowMax - ofLabel) + log(sum);
        LOSS_EPILOGUE(loss, i)
        losses[i] = loss;
    }

    T factor = g[row.index * gStep], gradient = (power / sum - (lane == label ? T(1) : T(0))) * factor;
#if INPUTS
    #pragma unroll
    for (int c = 0; c < CLASSES; c++) {
        sums[c] = __shfl_sync(WholeWarp, gradient, c);
    }

    #pragma unroll
    for (int round = 0; round < Rounds; round++) {
        int k = round * WarpThreads + lane;
        if (k < UNITS) {
            T x = T(0), (&of)[Step] = kept[AreKept ? round : 0];
            if (!AreKept) {
                loadWeights(of, weights, k);
            }

            #pragma unroll
            for (int c = 0; c < CLASSES; c++) {
                x += sums[c] * of[c];
            }

            INPUT_EPILOGUE(x, i, k)
            dh[row.index * UNITS + k] = x;
        }
    }
#endif
    if (isClassLane) {
        EPILOGUE(gradient, i, lane)
        dz[row.index * CLASSES + lane] = gradient;
    }
}
