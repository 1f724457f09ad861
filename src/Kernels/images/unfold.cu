// The patches of images that filters see, as a matrix for multiplication, and the adjoint; images of up to three axes.
//
//   images:  T, (N, C, D, H, W);    patches: T, (C, KD, KH, KW, N, OD, OH, OW), in C order
//
//   patches[c][k][n][o] = images[n][c][o · stride + k · dilation − pad], 0 outside the image
//
// Each thread computes an output element: unfold copies one, fold adds up all elements of the patches that belong to a
// pixel, tap by tap in order, so that no atomics are needed. The bound is the memory bandwidth.
#include "patches.cuh"

extern "C" __global__ void unfold(const T* images, T* patches, PatchShape s, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int rest = i, over[3], at[3];
        #pragma unroll
        for (int axis = 2; axis >= 0; axis--) {
            over[axis] = rest % s.over[axis];
            rest /= s.over[axis];
        }

        int image = rest % s.images;
        rest /= s.images;
        bool isInside = true;
        #pragma unroll
        for (int axis = 2; axis >= 0; axis--) {
            at[axis] = over[axis] * s.stride[axis] + rest % s.size[axis] * s.dilation[axis] - s.pad[axis];
            rest /= s.size[axis];
            isInside = isInside && at[axis] >= 0 && at[axis] < s.dim[axis];
        }

        size_t plane = (size_t)image * s.channels + rest;
        patches[i] = isInside ? images[((plane * s.dim[0] + at[0]) * s.dim[1] + at[1]) * s.dim[2] + at[2]] : T(0);
    }
}

extern "C" __global__ void fold(const T* patches, T* images, PatchShape s, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int x = i % s.dim[2], rest = i / s.dim[2];
        int y = rest % s.dim[1];
        rest /= s.dim[1];
        int z = rest % s.dim[0];
        rest /= s.dim[0];
        int image = rest / s.channels, channel = rest % s.channels;
        T total = T(0);
        for (int a = 0; a < s.size[0]; a++) {
            int overZ = seenFrom(s, 0, z, a);
            for (int b = 0; b < s.size[1] && overZ >= 0; b++) {
                int overY = seenFrom(s, 1, y, b);
                for (int c = 0; c < s.size[2] && overY >= 0; c++) {
                    int overX = seenFrom(s, 2, x, c);
                    if (overX >= 0) {
                        size_t tap = ((size_t)channel * s.size[0] + a) * s.size[1] + b;
                        size_t row = ((tap * s.size[2] + c) * s.images + image) * s.over[0] + overZ;
                        total = add(total, patches[(row * s.over[1] + overY) * s.over[2] + overX]);
                    }
                }
            }
        }

        images[i] = total;
    }
}
