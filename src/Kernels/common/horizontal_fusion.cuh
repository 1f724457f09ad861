// Horizontal fusion runs several independent kernels in one launch, each on a range of the grid's blocks.
//
// After this file, the host puts the source of each kernel into its own namespace, with blockIdx and gridDim defined as
// partBlock and partGrid. Then comes an entry that calls each kernel for its blocks
// (Devices/Cuda/Launching/HorizontalFusion.cs).

#define FUSED

// Warps that a kernel does not use exit before its first barrier: the hardware's barriers do not wait for them.
#ifdef ENGINE_SIMT
#define LEAVE() simt::simt_leave(); return
#else
#define LEAVE() return
#endif

struct BlockIndex {
    unsigned x, y, z;
};

// The arguments of all kernels, each aligned to 16 bytes.
struct alignas(16) Arguments {
    char bytes[ARGUMENT_BYTES];
};

// An argument that converts to the type of any parameter.
struct Slot {
    const char* at;

    template <typename U>
    __device__ __forceinline__ operator U&() const { return *reinterpret_cast<U*>(const_cast<char*>(at)); }
};

// An argument that is rows of an array, the first of which only the device knows. The host's CudaRowsFrom has the same
// layout.
struct Rows {
    const char* array;
    const int* start;
    long long rowBytes;
    int scale, last;
    void* fault;
    int code;

    __device__ __forceinline__ int first() const { return (int)((unsigned)*start * (unsigned)scale); }
    __device__ __forceinline__ bool areThere() const { return first() >= 0 && first() <= last; }

    template <typename U>
    __device__ __forceinline__ operator U*() const { return (U*)(array + first() * rowBytes); }
};

__device__ __forceinline__ const Rows& rowsAt(const char* at) { return *reinterpret_cast<const Rows*>(at); }

// A block whose rows do not exist reports this and does nothing.
#define REQUIRE_ROWS(part, rows) \
    if (!rows.areThere()) { \
        if (threadIdx.x == 0) { \
            part::reportFault((part::Fault*)rows.fault, rows.code, rows.first(), 0); \
        } \
        return; \
    }

__device__ __forceinline__ unsigned launchedBlock() { return blockIdx.x; }

// The block's index in a grid of x by y by … blocks that begins with the launch's block `first`.
__device__ __forceinline__ BlockIndex partBlock(unsigned first, unsigned x, unsigned y)
{
    unsigned block = launchedBlock() - first;
    return {block % x, block / x % y, block / (x * y)};
}

__device__ __forceinline__ BlockIndex partGrid(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
