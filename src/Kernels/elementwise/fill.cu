// Values that the host knows when it makes a plan.
//
// y[i] = value, for a few values
#include "common.cuh"

extern "C" __global__ void fill(T* y, double value, int count)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        y[i] = (T)value;
    }
}

// y[i] = i
extern "C" __global__ void iota(int* y, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        y[i] = (int)i;
    }
}
