// The index of the maximum along an axis. If several are equal, the first counts; NaN is greater than all numbers.
//
//   y[outer][inner] = argmax over j of x[outer][j][inner]        x: T, (outer, dimension, inner); y: int
//
// Each thread computes one output. With inner > 1, neighboring threads read neighboring elements. With inner = 1 (the
// classes of a batch) each goes along its own row, which is in few cache lines if there are few classes.
#include "common.cuh"

extern "C" __global__ void argmax(const T* x, int* y, int dim, int inner, int count)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }

    const T* from = x + (size_t)(i / inner) * dim * inner + i % inner;
    int best = 0;
    T largest = from[0];
    for (int j = 1; j < dim; j++) {
        T value = from[(size_t)j * inner];
        if (value > largest || (value != value && largest == largest)) {
            best = j;
            largest = value;
        }
    }

    y[i] = best;
}
