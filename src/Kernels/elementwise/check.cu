// Reports the first false element of a condition: assertions. The bound is the memory bandwidth.
#include "common.cuh"

extern "C" __global__ void check(const bool* condition, unsigned count, Fault* fault, int code)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count && !condition[i]) {
        reportFault(fault, code, 0, i);
    }
}
