// The handlers of g++ -fsanitize=alignment,bounds,integer-divide-by-zero,signed-integer-overflow; no libubsan is
// linked.
#include "../api.h"
#include "block.h"
#include "../module.h"
#include "../report.h"

using namespace simt;

namespace
{
    // The layout in which g++ passes a place to the handlers.
    struct SourcePlace
    {
        const char* file;
        uint32_t line, column;
    };

    std::string name_of(const SourcePlace& place) { return format("%s:%u", place.file, place.line); }

    void fail_overflow(const SourcePlace* place)
    {
        fail(LaunchFailed, "a signed integer overflows, of which C++ says nothing", name_of(*place));
    }
}

struct Misfit
{
    SourcePlace place;
    const void* type;
    unsigned char log_alignment, kind;
};

SIMT_API void __ubsan_handle_type_mismatch_v1_abort(Misfit* misfit, uintptr_t address)
{
    int multiple = 1 << misfit->log_alignment;
    fail(MisalignedAddress,
        format("misaligned: an access that must be at a multiple of %d bytes, at ", multiple) +
            describe_address(address),
        name_of(misfit->place));
}

SIMT_API void __ubsan_handle_out_of_bounds_abort(SourcePlace* place, uintptr_t index)
{
    fail(IllegalAddress, format("out of bounds: index %ld of an array that ends before it", long(index)),
        name_of(*place));
}

SIMT_API void __ubsan_handle_divrem_overflow_abort(SourcePlace* place, uintptr_t, uintptr_t)
{
    fail(LaunchFailed, "a division of whole numbers by zero", name_of(*place));
}

SIMT_API void __ubsan_handle_add_overflow_abort(SourcePlace* place, uintptr_t, uintptr_t) { fail_overflow(place); }

SIMT_API void __ubsan_handle_sub_overflow_abort(SourcePlace* place, uintptr_t, uintptr_t) { fail_overflow(place); }

SIMT_API void __ubsan_handle_mul_overflow_abort(SourcePlace* place, uintptr_t, uintptr_t) { fail_overflow(place); }

SIMT_API void __ubsan_handle_negate_overflow_abort(SourcePlace* place, uintptr_t) { fail_overflow(place); }
