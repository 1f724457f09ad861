// The adjoint of im2col, which copies images to a matrix of columns. With strides, a matrix product (gemm.cu) and this
// give the gradient of a convolution's images without the zeros that the implicit product (conv.cuh) multiplies.
//
//   images:  T, (N, C, H, W);    columns: T, (C · KH · KW, N · OH · OW), in C order
//
//   columns[(c, fh, fw)][(n, oh, ow)] = images[n][c][oh·strideH − padH + kh][ow·strideW − padW + kw], 0 outside the
//   image
//
// where (fh, fw) is the position of the weight of the tap (kh, kw) in a filter, so that the columns can be multiplied
// by filters in their layout in memory, (O, C · KH · KW). The matrix is KH · KW times as large as the images (less with
// strides), and is written and read once: the bound is the memory bandwidth.
#include "conv_shape.cuh"

// images[…] = the sum of the columns' elements that im2col copies from it. Each thread gathers one element, tap by
// tap in order, so that no atomics are needed and the same input gives the same bits.
extern "C" __global__ void col2im(const T* columns, T* images, ConvShape given, unsigned count)
{
    CONV_SHAPE_OF(given);
    unsigned pixels = s.images * s.resultArea(), threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        Pixel pixel(i, s.height, s.width);
        int image = pixel.plane / s.channels, channel = pixel.plane - image * s.channels;
        T total = T(0);
        for (int kh = 0; kh < s.filterHeight; kh++) {
            int row = pixel.row + s.padH - kh, resultRow = row / s.strideH;
            if (row < 0 || resultRow * s.strideH != row || resultRow >= s.resultHeight) {
                continue;
            }

            for (int kw = 0; kw < s.filterWidth; kw++) {
                int column = pixel.column + s.padW - kw, resultColumn = column / s.strideW;
                if (column < 0 || resultColumn * s.strideW != column || resultColumn >= s.resultWidth) {
                    continue;
                }

                size_t line = channel * s.filterArea() + s.weightIndex(kh * s.filterWidth + kw);
                total += columns[line * pixels + (image * s.resultHeight + resultRow) * s.resultWidth + resultColumn];
            }
        }

        images[i] = total;
    }
}
