// Functions of the elements at the same index of several arrays, with broadcasting.
//
//   y0[i], y1[i] … = COMPUTE(x0[i], x1[i] …)        y: arrays in C order; x: such arrays, or smaller ones that repeat
//
// The statements for an element come as text from Ops/Elementwise. PARAMETERS are the arrays. LOAD reads the elements
// of the inputs: at index i, at index 0 or, if an input repeats along some of the loops over the outputs, at one of the
// indices at0 … at2. COMPUTE computes the elements of the outputs and stores them. All loads of an element come before
// its stores, because an output may share memory with an input of its size.
//
// Each thread handles an element, then another one a grid's length further on, so that neighboring threads always
// access neighboring elements. Nothing is reused. The bound is the memory bandwidth, which is reached from about ten
// thousand elements on. Therefore chains of such functions are one kernel.
#include "common.cuh"

#if PATTERNS == 0
#define LOOPS
#define OFFSETS
#elif PATTERNS == 1
#define LOOPS LoopsArgument loops,
#define OFFSETS int64 at0 = loops.offset(0, i);
#elif PATTERNS == 2
#define LOOPS LoopsArgument loops,
#define OFFSETS int64 at0 = loops.offset(0, i), at1 = loops.offset(1, i);
#else
#define LOOPS LoopsArgument loops,
#define OFFSETS int64 at0 = loops.offset(0, i), at1 = loops.offset(1, i), at2 = loops.offset(2, i);
#endif

extern "C" __global__ void map(PARAMETERS, LOOPS unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        OFFSETS
        LOAD
        COMPUTE
    }
}
