// Rows added to the rows that indices name: what a gather's gradient is.
//
//   y[r] = sum over the i with indices[i] = r, in order, of g[i]        g: (count, length), y: (rows, length)
//
// A thread makes one element of y and looks at every index. That is rows·length·count looks, most of them from cache:
// the price of adding in a fixed order without atomics, so that the same input always gives the same bits.
#include "common.cuh"

extern "C" __global__ void scatter_add(
    const T* g, const int* indices, T* y, int rows, int length, int count, unsigned elements, Fault* fault, int code)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < elements; i += threads) {
        int row = (int)(i / length), column = i % length;
        T total = T(0);
        for (int j = 0; j < count; j++) {
            int index = indices[j];
            if (index == row) {
                total = add(total, g[(size_t)j * length + column]);
            } else if (i == 0 && (unsigned)index >= (unsigned)rows) {
                reportFault(fault, code, index, j);
            }
        }

        y[i] = total;
    }
}
