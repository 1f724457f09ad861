// Reports the first element of a condition that does not hold: assertions. The bound is the memory's bandwidth.
#include "common.cuh"

extern "C" __global__ void check(const uint8* condition, unsigned count, Fault* fault, int code)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count && condition[i] == 0) {
        reportFault(fault, code, 0, i);
    }
}
