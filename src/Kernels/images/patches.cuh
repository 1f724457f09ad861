// How filters lie over images of up to three axes; missing axes have size 1. Ops/Images/Unfold.cs has the same.
#pragma once
#include "common.cuh"

struct PatchShape {
    int images, channels;
    int dim[3], over[3], size[3], stride[3], pad[3], dilation[3];
};

// The index of the result for which a tap of the filter reads this pixel; −1 for none.
__device__ __forceinline__ int seenFrom(const PatchShape& s, int axis, int pixel, int tap)
{
    int from = pixel + s.pad[axis] - tap * s.dilation[axis], over = from / s.stride[axis];
    return from >= 0 && over * s.stride[axis] == from && over < s.over[axis] ? over : -1;
}
