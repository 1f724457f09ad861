// Functions of numbers at the same place of several arrays, with broadcasting.
//
//   y0[i], y1[i] … = COMPUTE(x0[i], x1[i] …)        y: arrays in C order; x: such arrays, or smaller ones, repeated
//
// What is done for an element comes as text from Ops/Elementwise: PARAMETERS are the arrays, LOAD reads the elements of
// the inputs (from place i, from place 0, or, where an input is repeated along some of the loops over the outputs,
// from one of the places at0 … at2), COMPUTE makes of them those of the outputs and stores them. All loads of an element
// stand before its stores: an output may lie where an input of its size does.
//
// One thread takes an element, then another as far on as the grid is long, so that neighboring threads always touch
// neighboring elements. Nothing is reused: the bound is the memory's bandwidth, which this reaches as soon as there
// are some ten thousand elements. That is why chains of such functions are one kernel.
#include "common.cuh"

#if PATTERNS == 0
#define LOOPS
#define PLACES
#elif PATTERNS == 1
#define LOOPS LoopsArgument loops,
#define PLACES int64 at0 = loops.offset(0, i);
#elif PATTERNS == 2
#define LOOPS LoopsArgument loops,
#define PLACES int64 at0 = loops.offset(0, i), at1 = loops.offset(1, i);
#else
#define LOOPS LoopsArgument loops,
#define PLACES int64 at0 = loops.offset(0, i), at1 = loops.offset(1, i), at2 = loops.offset(2, i);
#endif

extern "C" __global__ void map(PARAMETERS, LOOPS unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        PLACES
        LOAD
        COMPUTE
    }
}
