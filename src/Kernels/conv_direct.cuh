// Convolution of stride 1 where a block's images fit into shared memory: no operand is looked up element by element.
//
// Both the convolution and its gradient with respect to the images are
//
//   y[out][row][column] = sum over in, kh, kw of plane[in][row + kh][column + kw] · weight[out][in][kh][kw]
//
// where the planes are the images, or the gradient of the result, with zeros around them. A block brings CHUNK planes
// of each of its IMAGES images into shared memory, and their weights; a thread then makes a window of 2 × 2 pixels of
// OWN outputs. For a filter of 3 × 3 it reads 4 × 4 elements of a plane and 9 · OWN weights for 36 · OWN products; and
// as all sides are constants, every read is at a constant distance from one that moves a plane at a time.
//
//   planes:   IMAGES × CHUNK × rows; neighboring windows read elements two columns apart, so that a row's even columns
//             lie before its odd ones: then they are neighbors, too. ROWS_STEP from a row of windows to the next and
//             IMAGE_STEP from an image to the next go on as if all windows lay in one row, as far as banks are
//             concerned: no two threads of a warp with windows of one group meet in one
//   weights:  CHUNK · taps × WEIGHT_STEP; the outputs lie side by side, so that a thread reads its own as vectors
//   results:  IMAGES × GROUPS · OWN × height · width, where they are not pooled: only here do neighbors of a window
//             come to lie in different threads, and memory is written in order
//
// Grid: images, IMAGES a block; groups of OWN outputs, GROUPS a block. Block: THREADS, a window of an image for a
// group each, the windows of one group side by side from a warp's beginning on, GROUP_THREADS apart; some threads at the
// end of a group may have none.
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

// A plane's elements, and what they take in shared memory.
constexpr int PlaneArea = PLANE_HEIGHT * PLANE_WIDTH, HalfRow = (PLANE_WIDTH + 1) / 2;
constexpr int PlaneStep = (PLANE_HEIGHT + 1) / 2 * ROWS_STEP;
static_assert(ROWS_STEP >= 4 * HalfRow && IMAGE_STEP >= CHUNK * PlaneStep, "rows and images do not overlap");

// The weights follow, aligned.
constexpr int PlaneElements = (IMAGES * IMAGE_STEP + MostVector - 1) / MostVector * MostVector;

// Where in a plane an element lies.
__device__ __forceinline__ constexpr int placeInPlane(int row, int column)
{
    return row / 2 * ROWS_STEP + row % 2 * 2 * HalfRow + column % 2 * HalfRow + column / 2;
}

extern __shared__ __align__(16) unsigned char sharedBytes[];

__device__ __forceinline__ T* sharedPlanes() { return (T*)sharedBytes; }
__device__ __forceinline__ T* sharedWeights() { return (T*)sharedBytes + PlaneElements; }

// Puts `plane` into the shared planes, zeros around it: planes [first, first + count) of each of the block's images.
//
//   planes: (images, all, height, width); the first element comes to lie at (top, left)
__device__ __forceinline__ void bringPlanes(
    const T* planes, int images, int all, int first, int count, int height, int width, int top, int left)
{
    // A thread keeps its place in the plane, and goes on from plane to plane.
    constexpr int Together = THREADS > PlaneArea ? THREADS / PlaneArea : 1;
    for (int i = threadIdx.x; i < Together * PlaneArea; i += THREADS) {
        int at = i % PlaneArea, row = at / PLANE_WIDTH - top, column = at % PLANE_WIDTH - left;
        bool inside = row >= 0 && row < height && column >= 0 && column < width;
        T* to = sharedPlanes() + placeInPlane(row + top, column + left);
        #pragma unroll 1
        for (int image = 0; image < IMAGES; image++) {
            bool isThere = inside && (int)blockIdx.x * IMAGES + image < images;
            const T* from = planes + ((size_t)(blockIdx.x * IMAGES + image) * all + first) * height * width
                + row * width + column;
            #pragma unroll 4
            for (int plane = i / PlaneArea; plane < count; plane += Together) {
                to[image * IMAGE_STEP + plane * PlaneStep] = isThere ? from[(size_t)plane * height * width] : T(0);
            }
        }
    }
}

// Puts the weights from `count` planes to the block's outputs into shared memory.
//
//   w: the weight (out, in, tap) lies at out · outStep + in · inStep + tap; flipped: the last tap comes first
__device__ __forceinline__ void bringWeights(
    const T* w, int first, int count, int outputs, int outStep, int inStep, bool flipped)
{
    // 8 weights in a row of memory by 4 outputs for a warp: whole sectors are read, and different banks written.
    constexpr int Along = 8, Across = 4, Lanes = Along * Across, Outputs = GROUPS * OWN;
    static_assert(Outputs % Across == 0, "groups of outputs are whole");
    int across = threadIdx.x % Lanes / Along, firstOutput = blockIdx.y * Outputs + across;
    int firstTap = threadIdx.x / Lanes * Along + threadIdx.x % Along;
    for (int k = firstTap; k < count * FilterArea; k += THREADS / Lanes * Along) {
        int in = k / FilterArea, tap = k - in * FilterArea;
        T* to = sharedWeights() + k * WEIGHT_STEP + across;
        const T* from = w + (size_t)firstOutput * outStep + (first + in) * inStep
            + (flipped ? FilterArea - 1 - tap : tap);
        #pragma unroll
        for (int output = 0; output < Outputs; output += Across) {
            to[output] = firstOutput + output < outputs ? from[(size_t)output * outStep] : T(0);
        }
    }
}

// A thread's window and its sums.
struct Windows {
    int tile, image, group;
    T sums[OWN][Window];

    // tiles: windows of a plane of the result.
    __device__ __forceinline__ Windows(int tiles) : sums{}
    {
        int window = threadIdx.x % GROUP_THREADS;
        tile = window % tiles;
        image = window / tiles;
        group = threadIdx.x / GROUP_THREADS;
    }

    __device__ __forceinline__ bool isActive() const { return image < IMAGES; }

    // Adds the products of `count` planes in shared memory. across: windows of a row.
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
                    under[row][column] = plane[placeInPlane(row, column)];
                }
            }

            #pragma unroll
            for (int tap = 0; tap < FilterArea; tap++) {
                T own[OWN];
                load<OWN>(own, weights + tap * WEIGHT_STEP);
                #pragma unroll
                for (int out = 0; out < OWN; out++) {
                    #pragma unroll
                    for (int place = 0; place < Window; place++) {
                        sums[out][place] += own[out]
                            * under[place / 2 + tap / FILTER_WIDTH][place % 2 + tap % FILTER_WIDTH];
                    }
                }
            }

            plane += PlaneStep;
            weights += FilterArea * WEIGHT_STEP;
        }
    }

    // Calls store(image, output, pixel, sum) for each sum that the result (images, outputs, height, width) has a place
    // for, neighbors in memory in neighboring threads. Nobody needs the planes any more.
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
                for (int place = 0; place < Window; place++) {
                    int y = row + place / 2, x = column + place % 2;
                    if (y < height && x < width) {
                        results[(image * Outputs + group * OWN + out) * area + y * width + x] = sums[out][place];
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
