// Mirrors some images left to right, then moves each by its own number of whole pixels. Zeros fill the rest.
//
//   images, moved: (N, C, H, W);    down, right, mirror: (N), the same for all channels of an image
//
//   moved[n][c][h][w] = m[n][c][h − down[n]][w − right[n]], 0 if that is outside,
//   m[n][c][h][w] = images[n][c][h][mirror[n] ? W − 1 − w : w]
//
// Each thread computes an element; neighbors read neighboring pixels, from the left or from the right. The bound is the
// memory bandwidth: the three numbers of an image come from the cache.
#include "common.cuh"

extern "C" __global__ void move_images(
    const T* images, const int* down, const int* right, const int* mirror, T* moved,
    int channels, int height, int width, unsigned elements)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < elements; i += threads) {
        unsigned line = i / width, plane = line / height, image = plane / channels;

        // Unsigned, so that an index before the image is as far outside as one behind it.
        unsigned row = line - plane * height - (unsigned)down[image];
        unsigned column = i - line * width - (unsigned)right[image];
        bool isInside = row < (unsigned)height && column < (unsigned)width;
        unsigned from = mirror[image] ? width - 1 - column : column;
        moved[i] = isInside ? images[((size_t)plane * height + row) * width + from] : T(0);
    }
}
