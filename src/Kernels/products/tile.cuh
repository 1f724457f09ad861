// One operand of a product (gemm.cuh): how a block loads its K-tiles into shared memory and reads them there.
#pragma once
#include "common.cuh"
#include "packs.cuh"
#include "ptx.cuh"

// Whether the lengths along k are known to be multiples of a K-tile.
#ifndef WHOLE_K_TILES
#define WHOLE_K_TILES 0
#endif

// A part of the offset of an element in an operand that is not a matrix (conv.cuh): what i alone says, or k alone. The
// sum of two parts' offsets is the element's; the others say whether it exists. The part of an i or a k beyond the end
// gives no element with any other.
struct __align__(16) Part {
    int offset, row, column, phase;
};

__device__ __forceinline__ Part outside() { return Part{0, 1 << 29, 1 << 29, 0}; }

// One operand of a block: Size of its rows; each thread has Own of them. A source has
//
//   AlongK          whether neighbors in memory are neighbors along k, not across
//   Vector          the number of elements that are copied together
//   find(i, k, at)  the address of that many elements from (i, k) on; false if there are none, and they count as 0
//   IsEven          whether the distance from (i, k) to (i, k + 1) is constant wherever the latter exists: then a
//                   thread finds its elements of the first K-tile, and moves on for each further one by
//   step(i)         this many elements for each of TILE_K
//   IsGrid          whether the distance from (i, k) to (i + 1, k) is constant, too:
//   apart()         this many elements
//   Length          the length of a row of memory, if that is a constant, otherwise 0
//   IsSplit         whether an element's offset has two parts: then the tensor cores' kernel computes each part once
//                   per block or K-tile, not once per element, with
//   across(i), along(k), join(part, otherPart, at)
//
// Copies of 4 bytes or more are asynchronous from sm_80 on. Single elements of 16 bits pass through registers, as all
// copies do on older GPUs.
template <int Size, int Own, int OwnThreads, typename Source>
struct Tile {
    static constexpr int Vector = Source::Vector;
    static constexpr int Stride = Source::AlongK ? TILE_K + Padding : Size + AcrossPadding;
    static constexpr int Elements = (Source::AlongK ? Size : TILE_K) * Stride;
    static constexpr int Vectors = Size * TILE_K / Vector, Copies = (Vectors + Threads - 1) / Threads;
    static_assert(Size == Own * OwnThreads && TILE_K / SliceK % Step == 0, "rows and K-tiles are whole");

    // The number of rows that one access reads, and the number that is left for a smaller one.
    static constexpr int Group = 4, Left = Own % Group, Grouped = Own - Left;

    // The thread's rows among those of the block. If the tile is along k, they are as far apart as there are threads,
    // so that the threads of a warp read neighboring rows, which are on different banks. Otherwise they come in groups
    // that one access reads.
    static __device__ __forceinline__ int row(int thread, int own)
    {
        int together = own < Grouped ? Group : Left;
        return Source::AlongK ? own * OwnThreads + thread
                              : own / Group * (Group * OwnThreads) + thread * together + own % Group;
    }

    // The distance between the rows of a group.
    static constexpr int Apart = Source::AlongK ? OwnThreads : 1;

    // Neighbors in memory go to neighboring threads; RowVectors threads copy a row of memory. A thread's next copy is
    // as many rows further as all threads copy at once, if these are whole rows.
    static constexpr unsigned RowVectors = (Source::AlongK ? TILE_K : Size) / Vector;
    static constexpr int Further = Threads / RowVectors;
    static constexpr bool AreWhole = Further * RowVectors == Threads;

    // An access of 128 bytes takes two rows of 64. If rows are 80 bytes apart, as in tensor cores' tiles of 16 bits,
    // neighbors would share four banks, but rows that are four apart share none.
    static constexpr bool SpreadsRows = TENSOR && AreWhole && Further % 8 == 0
        && RowVectors * Vector * sizeof(Element) == 64 && Stride * sizeof(Element) == 80;

    static __device__ __forceinline__ int row(int copy)
    {
        if constexpr (SpreadsRows) {
            int row = threadIdx.x / RowVectors;
            return row / 8 * 8 + row % 2 * 4 + row % 8 / 2 + copy * Further;
        }

        return AreWhole ? threadIdx.x / RowVectors + copy * Further : (copy * Threads + threadIdx.x) / RowVectors;
    }

    static __device__ __forceinline__ int inRow(int copy)
    {
        return (AreWhole ? threadIdx.x % RowVectors : (copy * Threads + threadIdx.x) % RowVectors) * Vector;
    }

    static __device__ __forceinline__ int across(int copy) { return Source::AlongK ? row(copy) : inRow(copy); }
    static __device__ __forceinline__ int along(int copy) { return Source::AlongK ? inRow(copy) : row(copy); }

    // Whether the thread has this copy: for a narrow tile, not all threads have it.
    static __device__ __forceinline__ bool takes(int copy)
    {
        return Vectors % Threads == 0 || copy * Threads + (int)threadIdx.x < Vectors;
    }

    static __device__ __forceinline__ int offset(int across, int along)
    {
        return Source::AlongK ? across * Stride + along : along * Stride + across;
    }

    // The addresses of the thread's elements of the next K-tile, and the number of bytes to copy: none outside the
    // operand. Copies of single elements are up to 32, whose addresses are too many to be held at once.
    static constexpr bool Holds = Source::IsEven && Copies <= 8;

    // With two parts, the copies of a thread share one: the part across k, always the same, or that along k, another
    // one for each K-tile. The others are those of the rows in shared memory, and lie there: for each K-tile or for the
    // block. A warp's lanes read the same one at once.
    static constexpr bool IsSplit = Source::IsSplit && TENSOR;
    static constexpr int StageParts = IsSplit && !Source::AlongK ? TILE_K : 0;
    static constexpr int BlockParts = IsSplit && Source::AlongK ? Size : 0;
    static_assert(!IsSplit || AreWhole, "the copies of a thread are in one row or one column");
    Part own;
    const Part* parts;

    __device__ __forceinline__ void fillStage(const Source& source, Part* to, int k0, int k) const
    {
        if constexpr (StageParts > 0) {
            if (threadIdx.x < TILE_K) {
                int j = k0 + threadIdx.x;
                to[threadIdx.x] = j < k ? source.along(j) : outside();
            }
        }
    }

    __device__ __forceinline__ void fillBlock(const Source& source, Part* to, int first, int end) const
    {
        if constexpr (BlockParts > 0) {
            for (int row = threadIdx.x; row < Size; row += Threads) {
                to[row] = first + row < end ? source.across(first + row) : outside();
            }
        }
    }
    static constexpr int Held = Holds ? Copies : 1, Bytes = Vector * sizeof(Element);

    // Elements that pass through registers.
    static constexpr bool IsAsync = ASYNC_COPIES && Bytes >= 4;
    Pack<Vector, Element> next[IsAsync ? 1 : Copies];

    // If a thread's copies are whole rows apart, and the length of a row is known, one address is enough for all.
    static constexpr bool IsWhole = Source::IsGrid && AreWhole;
    static constexpr bool HasOneAddress = Holds && IsWhole && Source::Length > 0;
    static constexpr int Addresses = HasOneAddress ? 1 : Held;
    const Element* at[Addresses];
    int bytes[Held], to[Addresses];

    // Their offsets in a buffer, in bytes.
    __device__ __forceinline__ int bufferOffset(int copy) const
    {
        return HasOneAddress || IsSplit ? to[0] + copy * Further * Stride * (int)sizeof(Element)
            : Holds ? to[Holds && !HasOneAddress ? copy : 0]
                    : offset(across(copy), along(copy)) * (int)sizeof(Element);
    }

    __device__ __forceinline__ void begin(const Source& source, int first, int end, int k0)
    {
        if constexpr (IsSplit) {
            if constexpr (!Source::AlongK) {
                int i = first + across(0);
                own = i < end ? source.across(i) : outside();
            }

            to[0] = offset(across(0), along(0)) * (int)sizeof(Element);
            keep(to[0]);
        }

        #pragma unroll
        for (int copy = 0; copy < Held && Holds; copy++) {
            int i = first + across(copy);
            bool isThere = true;
            if (copy < Addresses) {
                if constexpr (IsWhole) {
                    if (copy == 0) {
                        isThere = source.find(i, k0 + along(copy), at[copy]);
                    } else {
                        at[copy] = at[copy - 1] + (Source::AlongK ? source.apart() : source.step(i)) * Further;
                    }
                } else {
                    isThere = source.find(i, k0 + along(copy), at[copy]);
                }

                to[copy] = offset(across(copy), along(copy)) * (int)sizeof(Element);
                keep(to[copy]);
            }

            bytes[copy] = takes(copy) && i < end && isThere ? Bytes : 0;
#if TENSOR
            keep(bytes[copy]);
#endif
        }
    }

#if ASYNC_COPIES
    // Starts the copies that share one address.
    template <int Copy>
    __device__ __forceinline__ void copyFrom(SharedAddress to, const Element* from)
    {
        if constexpr (Copy < Copies) {
            if (takes(Copy)) {
                constexpr int Row = Copy * Further * (int)sizeof(Element);
                copyAsync<Bytes, Row * Stride, Row * Source::Length>(to, from, bytes[Copy]);
            }

            copyFrom<Copy + 1>(to, from);
        }
    }
#endif

    // Starts the copies of elements in two parts.
    template <int Copy>
    __device__ __forceinline__ void copyParts(const Source& source, SharedAddress buffer)
    {
        if constexpr (Copy < Copies) {
            const Element* from;
            bool isThere = source.join(own, parts[row(0) + Copy * Further], from) && takes(Copy);
#if ASYNC_COPIES
            if constexpr (IsAsync) {
                if (takes(Copy)) {
                    copyAsync<Bytes, Copy * Further * Stride * (int)sizeof(Element)>(buffer, from, isThere ? Bytes : 0);
                }
            } else
#endif
            next[IsAsync ? 0 : Copy] = isThere ? *(const Pack<Vector, Element>*)from : Pack<Vector, Element>{};
            copyParts<Copy + 1>(source, buffer);
        }
    }

    // Starts to load a K-tile into a buffer. K-tiles are loaded in order, from the one that begin() received.
    __device__ __forceinline__ void start(const Source& source, SharedAddress buffer, int first, int end, int k0, int k)
    {
        if constexpr (IsSplit) {
            if constexpr (Source::AlongK) {
                int j = k0 + along(0);
                own = j < k ? source.along(j) : outside();
            }

            copyParts<0>(source, buffer + to[0]);
            return;
        }

        if (!WHOLE_K_TILES && Holds && k0 + TILE_K > k) {
            // The last K-tile may be cut off at the end of k.
            #pragma unroll
            for (int copy = 0; copy < Held; copy++) {
                bytes[copy] = k0 + along(copy) < k ? bytes[copy] : 0;
                keep(bytes[copy]);
            }
        }

#if ASYNC_COPIES
        if constexpr (HasOneAddress && IsAsync) {
            copyFrom<0>(buffer + to[0], at[0]);
            at[0] += source.step(first) * TILE_K;
            return;
        }
#endif

        auto bringCopy = [&](int copy) {
            const Element* from = nullptr;
            int count;
            if constexpr (HasOneAddress) {
                from = at[0] + copy * Further * Source::Length;
                count = bytes[copy];
            } else if constexpr (Holds) {
                from = at[copy];
                count = bytes[copy];
                at[copy] += source.step(first + across(copy)) * TILE_K;
            } else {
                int i = first + across(copy), j = k0 + along(copy);
                count = takes(copy) && i < end && j < k && source.find(i, j, from) ? Bytes : 0;
            }

            bring(buffer, copy, from, count);
        };
        if constexpr (IsAsync) {
            #pragma unroll 8
            for (int copy = 0; copy < Copies; copy++) {
                bringCopy(copy);
            }
        } else {
            #pragma unroll
            for (int copy = 0; copy < Copies; copy++) {
                bringCopy(copy);
            }
        }

        if constexpr (HasOneAddress) {
            at[0] += source.step(first) * TILE_K;
        }
    }

    // Starts one copy.
    __device__ __forceinline__ void bring(SharedAddress buffer, int copy, const Element* from, int count)
    {
#if ASYNC_COPIES
        if constexpr (IsAsync) {
            if (takes(copy)) {
                copyAsync<Bytes>(buffer + bufferOffset(copy), from, count);
            }

            return;
        }
#endif
        next[IsAsync ? 0 : copy] =
            count > 0 ? *(const Pack<Vector, Element>*)from : Pack<Vector, Element>{};
    }

    // Completes the load if it goes through registers.
    __device__ __forceinline__ void finish(Element* buffer)
    {
        #pragma unroll
        for (int copy = 0; copy < Copies && !IsAsync; copy++) {
            if (takes(copy)) {
                *(Pack<Vector, Element>*)((char*)buffer + bufferOffset(copy)) = next[IsAsync ? 0 : copy];
            }
        }
    }

    // The offsets in a K-tile of the thread's rows, from k0 on, and of its remaining rows. All that it reads has a
    // constant distance from there.
    int64 origin, originLeft;

    __device__ __forceinline__ void reads(int thread, int k0)
    {
        origin = offset(Grouped > 0 || Source::AlongK ? row(thread, 0) : 0, k0) * (int)sizeof(Element);
        originLeft = offset(thread * Left, k0) * (int)sizeof(Element);
        keep(origin);
        keep(originLeft);
    }

    // The elements that a thread multiplies next: Step elements along k, from k0 on behind the origin, of each of its
    // rows.
    __device__ __forceinline__ void read(const T* buffer, int k0, T (&own)[Step][Own]) const
    {
        const T* origin = (const T*)((const char*)buffer + this->origin);
        const T* left = (const T*)((const char*)buffer + originLeft);
        if (Source::AlongK) {
            #pragma unroll
            for (int r = 0; r < Own; r++) {
                T some[Step];
                load<Step>(some, origin + offset(row(0, r), k0));
                #pragma unroll
                for (int j = 0; j < Step; j++) {
                    own[j][r] = some[j];
                }
            }
        } else {
            #pragma unroll
            for (int j = 0; j < Step; j++) {
                #pragma unroll
                for (int r = 0; r < Grouped; r += Group) {
                    load<Group>(&own[j][r], origin + offset(row(0, r), k0 + j));
                }

                if constexpr (Left > 0) {
                    // It is counted from the thread's own offset in its smaller groups.
                    load<Left>(&own[j][Grouped], left + offset(row(0, Grouped), k0 + j));
                }
            }
        }
    }
};
