// Convolution of stride 1 for images that fit into a block's shared memory: no operand is looked up element by element.
//
// Both the convolution and its gradient with respect to the images are
//
//   y[out][row][column] = sum over in, kh, kw of plane[in][row + kh][column + kw] · weight[out][in][kh][kw]
//
// where the planes are the images, or the gradient of the result, with zeros around them. A block loads CHUNK planes of
// each of its IMAGES images, and their weights, into shared memory. A thread then computes a window of 2 × 2 pixels of
// OWN outputs. For a filter of 3 × 3 it reads 4 × 4 elements of a plane and 9 · OWN weights for 36 · OWN products. All
// dimensions are constants, so every read has a constant distance from a pointer that moves a plane at a time.
//
//   planes:   IMAGES × CHUNK × rows; neighboring windows read elements two columns apart, so a row's even columns
//             come before its odd ones: then they are neighbors, too. With ROWS_STEP from a row of windows to the
//             next, and IMAGE_STEP from an image to the next, the banks are those of windows in one long row: no
//             two threads of a warp with windows of one group have a bank conflict
//   weights:  CHUNK · taps × WEIGHT_STEP; the outputs are side by side, so that a thread reads its own as vectors
//   results:  IMAGES × GROUPS · OWN × height · width, unless they are pooled: neighbors of a window are in different
//             threads only here, and memory is written in order
//
// Grid: images, IMAGES per block; groups of OWN outputs, GROUPS per block. Block: THREADS, each with a window of an
// image for a group. The windows of one group are side by side from the beginning of a warp, and groups are
// GROUP_THREADS apart; some threads at the end of a group may have none.
#pragma once
#include "common.cuh"
#include "packs.cuh"
#include "conv_shape.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif

constexpr int Window = 4, FilterArea = FILTER_HEIGHT * FILTER_WIDTH;

// The elements of a plane, and their layout in shared memory.
constexpr int PlaneArea = PLANE_HEIGHT * PLANE_WIDTH, HalfRow = (PLANE_WIDTH + 1) / 2;
constexpr int PlaneStep = (PLANE_HEIGHT + 1) / 2 * ROWS_STEP;
static_assert(ROWS_STEP >= 4 * HalfRow && IMAGE_STEP >= CHUNK * PlaneStep, "rows and images do not overlap");

// The weights follow, aligned.
constexpr int PlaneElements = (IMAGES * IMAGE_STEP + MaxVector - 1) / MaxVector * MaxVector;

// The offset in a plane of an element.
__device__ __forceinline__ constexpr int offsetInPlane(int row, int column)
{
    return row / 2 * ROWS_STEP + row % 2 * 2 * HalfRow + column % 2 * HalfRow + column / 2;
}

extern __shared__ __align__(16) unsigned char sharedBytes[];

__device__ __forceinline__ T* sharedPlanes() { return (T*)sharedBytes; }
__device__ __forceinline__ T* sharedWeights() { return (T*)sharedBytes + PlaneElements; }

// Copies `plane` with zeros around it into the shared planes: planes [first, first + count) of each of the block's
// images.
//
//   planes: (images, all, height, width); the first element goes to (top, left)
__device__ __forceinline__ void bringPlanes(
    const Element* planes, int images, int all, int first, int count, int height, int width, int top, int left)
{
    // A thread keeps its position in the plane, and goes from plane to plane.
    constexpr int Together = THREADS > PlaneArea ? THREADS / PlaneArea : 1;
    for (int i = threadIdx.x; i < Together * PlaneArea; i += THREADS) {
        int at = i % PlaneArea, row = at / PLANE_WIDTH - top, column = at % PLANE_WIDTH - left;
        bool inside = row >= 0 && row < height && column >= 0 && column < width;
        T* to = sharedPlanes() + offsetInPlane(row + top, column + left);
        #pragma unroll 1
        for (int image = 0; image < IMAGES; image++) {
            bool isThere = inside && (int)blockIdx.x * IMAGES + image < images;
            const Element* from = planes + ((size_t)(blockIdx.x * IMAGES + image) * all + first) * height * width
                + row * width + column;
            #pragma unroll 4
            for (int plane = i / PlaneArea; plane < count; plane += Together) {
                to[image * IMAGE_STEP + plane * PlaneStep] = isThere ? from[(size_t)plane * height * width] : T(0);
            }
        }
    }
}

// Copies the weights from `count` planes to the block's outputs into shared memory.
//
//   w: the weight (out, in, tap) is at out · outStep + in · inStep + tap; flipped: the last tap comes first
__device__ __forceinline__ void bringWeights(
    const Element* w, int first, int count, int outputs, int outStep, int inStep, bool flipped)
{
    // A warp reads 8 weights in a row of memory for 4 outputs: it reads whole sectors, and writes to different banks.
    constexpr int Along = 8, Across = 4, Lanes = Along * Across, Outputs = GROUPS * OWN;
    static_assert(Outputs % Across == 0, "groups of outputs are whole");
    int across = threadIdx.x % Lanes / Along, firstOutput = blockIdx.y * Outputs + across;
    int firstTap = threadIdx.x / Lanes * Along + threadIdx.x % Along;
    for (int k = firstTap; k < count * FilterArea; k += THREADS / Lanes * Along) {
        int in = k / FilterArea, tap = k - in * FilterArea;
        T* to = sharedWeights() + k * WEIGHT_STEP + across;
        const Element* from = w + (size_t)firstOutput * outStep + (first + in) * inStep
            + (flipped ? FilterArea - 1 - tap : tap);
        #pragma unroll
        for (int output = 0; output < Outputs; output += Across) {
            to[output] = firstOutput + output < outputs ? from[(size_t)output * outStep] : T(0);
        }
    }
}

// A thread's window and its accumulators.
struct Windows {
    int tile, image, group;
    T sums[OWN][Window];

    // tiles: the number of windows of a plane of the result.
    __device__ __forceinline__ Windows(int tiles) : sums{}
    {
        int window = threadIdx.x % GROUP_THREADS;
        tile = window % tiles;
        image = window / tiles;
        group = threadIdx.x / GROUP_THREADS;
    }

    __device__ __forceinline__ bool isActive() const { return image < IMAGES; }

    // Adds the products of `count` planes in shared memory. across: the number of windows of a row.
    __device__ __forceinline__ void add(int count, int across)
    {
        const T* plane = sharedPlanes() + image * IMAGE_STEP + tile / across * ROWS_STEP + tile % across;
        const T* weights = sharedWeights() + group * OWN;
        #pragma unroll 1
        for (int in = 0; in < count; in++) {
            T under[FILTER_HEIGHT + 1][FILTER_WIDTH + 1];
            #pragma unroll
            for (int row = 0; row <= FILTER_HEIGHT; row++) {
                #pragma unroll
                for (int column = 0; column <= FILTER_WIDTH; column++) {
                    under[row][column] = plane[offsetInPlane(row, column)];
                }
            }

            #pragma unroll
            for (int tap = 0; tap < FilterArea; tap++) {
                T own[OWN];
                load<OWN>(own, weights + tap * WEIGHT_STEP);
                #pragma unroll
                for (int out = 0; out < OWN; out++) {
                    #pragma unroll
                    for (int result = 0; result < Window; result++) {
                        sums[out][result] += own[out]
                            * under[result / 2 + tap / FILTER_WIDTH][result % 2 + tap % FILTER_WIDTH];
                    }
                }
            }

            plane += PlaneStep;
            weights += FilterArea * WEIGHT_STEP;
        }
    }

    // Calls store(image, output, pixel, sum) for each sum inside the result (images, outputs, height, width); neighbors
    // in memory are in neighboring threads. The planes are no longer needed.
    template <typename Store>
    __device__ __forceinline__ void forEach(
        int images, int outputs, int height, int width, int across, Store store) const
    {
        constexpr int Outputs = GROUPS * OWN;
        int area = height * width, row = tile / across * 2, column = tile % across * 2;
        T* results = sharedPlanes();
        __syncthreads();
        if (isActive()) {
            #pragma unroll
            for (int out = 0; out < OWN; out++) {
                #pragma unroll
                for (int result = 0; result < Window; result++) {
                    int y = row + result / 2, x = column + result % 2;
                    if (y < height && x < width) {
                        results[(image * Outputs + group * OWN + out) * area + y * width + x] = sums[out][result];
                    }
                }
            }
        }

        __syncthreads();
        int firstImage = blockIdx.x * IMAGES, firstOutput = blockIdx.y * Outputs;
        int there = min(Outputs, outputs - firstOutput), count = min(IMAGES, images - firstImage) * there * area;
        for (int i = threadIdx.x; i < count; i += THREADS) {
            int plane = i / area, pixel = i - plane * area, ofBlock = plane / there, output = plane - ofBlock * there;
            T value = results[(ofBlock * Outputs + output) * area + pixel];
            store(firstImage + ofBlock, firstOutput + output, pixel, value);
        }
    }
};
