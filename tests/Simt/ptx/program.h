// A kernel prepared to run: steps on rows of 32 lanes, in pieces without jumps into them or out of them.
#pragma once
#include "text/text.h"
#include <array>
#include <memory>

namespace simt::ptx
{
    constexpr int Lanes = 32;
    constexpr uint32_t AllLanes = 0xffffffffu;
    // A row holds a register for all lanes of a warp: 32 numbers of 4 bytes; numbers of 8 bytes take two rows.
    constexpr int RowBytes = 4 * Lanes;
    constexpr int MaxOperands = 16;

    struct Step;
    struct Warp;
    using Handler = void (*)(const Step&, Warp&);

    // One instruction. Its operands are rows of the warp, the written ones first.
    struct Step
    {
        Handler whole = nullptr; // for a warp in which all lanes are active,
        Handler part = nullptr;  // and for any other
        std::array<uint16_t, MaxOperands> row = {};
        int64_t offset = 0; // added to an address
        int32_t line = 0;
        int64_t second = 0; // added to a second address: in a copy, that of the source
    };

    // The kind as which an instruction is counted.
    enum class Class : uint8_t
    {
        Fma,
        Float,
        Integer, // and addresses
        Move,    // copies, conversions, parameters
        Shared,
        Global,
        Control, // jumps, barriers, fences
        Tensor,
        Count
    };
    constexpr size_t Classes = size_t(Class::Count);
    extern const char* const ClassNames[Classes];

    struct Piece
    {
        enum End : uint8_t
        {
            Falls,
            Branches,
            Returns,
            Barrier, // of the whole block
            RunsOut  // the text ends
        } end = Falls;
        bool negated = false;
        bool collective = false; // its first step is one that lanes of a warp run together
        int first = 0, last = 0;
        int target = -1;         // a piece
        int predicate = -1;      // a row
        int members = -1;        // for a collective, the row with the mask of its lanes
        int line = 0;
        std::array<uint32_t, Classes> counts = {};
        uint32_t instructions = 0, machine = 0; // as PTX; as hundredths of the resulting machine instructions
    };

    struct Constant
    {
        int row;
        uint8_t bytes;
        uint64_t bits;
    };

    struct Program
    {
        std::string name;
        const Module* module = nullptr;
        std::vector<Step> steps;
        std::vector<Piece> pieces;
        std::vector<Constant> constants;
        std::vector<std::pair<std::string, int>> specials; // name to row
        int rows = 0;
        std::vector<Variable> params, shared;
        uint64_t shared_end = 0;                   // end of the variables, with the gaps between them
        uint64_t shared_bytes = 0;                 // without the gaps
        uint64_t local_bytes = 0;                  // of each lane
        std::vector<std::string> maybe_undefined;  // registers whose every read is checked
        unsigned max_threads = 1024;
    };

    // The generic addresses of shared memory and of a thread's local memory; device memory is far below.
    constexpr uint64_t SharedWindow = uint64_t(1) << 56, LocalWindow = uint64_t(2) << 56;
    constexpr uint64_t WindowBytes = uint64_t(1) << 32;
    // The gap between two shared variables is at least this large, so that an access beyond the end of one is detected;
    // a multiple of the 128 bytes after which banks repeat.
    constexpr uint64_t SharedGap = 1024;

    // The places of a module's variables.
    using Symbols = std::map<std::string, uint64_t>;

    std::unique_ptr<Program> prepare(const Module& module, const Function& function, const Symbols& symbols);
}
