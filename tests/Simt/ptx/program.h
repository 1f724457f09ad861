// A kernel made ready to be run: steps that work on rows of 32 lanes, in pieces that no jump leads into or out of.
#pragma once
#include "text.h"
#include <array>
#include <memory>

namespace simt::ptx
{
    constexpr int Lanes = 32;
    constexpr uint32_t AllLanes = 0xffffffffu;
    // A row holds a register of all lanes of a warp: 32 numbers of 4 bytes, or two rows' room for those of 8.
    constexpr int RowBytes = 4 * Lanes;
    constexpr int MostOperands = 16;

    struct Step;
    struct Warp;
    using Handler = void (*)(const Step&, Warp&);

    // One instruction. Its operands are rows of the warp, those that it writes first.
    struct Step
    {
        Handler whole = nullptr; // for a warp of which all lanes take part,
        Handler part = nullptr;  // and for any other
        std::array<uint16_t, MostOperands> row = {};
        int64_t offset = 0; // what is added to an address
        int32_t line = 0;
        int64_t second = 0; // what is added to a second address: of a copy, to that which it reads
    };

    // What an instruction is counted as.
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
        bool collective = false; // its first step is one that lanes of a warp take together
        int first = 0, last = 0;
        int target = -1;         // a piece
        int predicate = -1;      // a row
        int members = -1;        // of a collective, the row with the mask that names its lanes
        int line = 0;
        std::array<uint32_t, Classes> counts = {};
        uint32_t instructions = 0, machine = 0; // as PTX; as hundredths of the machine instructions that these become
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
        uint64_t shared_end = 0;                   // of the variables, with the gaps between them
        uint64_t shared_bytes = 0;                 // without the gaps
        uint64_t local_bytes = 0;                  // a lane
        std::vector<std::string> maybe_undefined;  // registers whose every read is checked
        unsigned max_threads = 1024;
    };

    // Where generic addresses see shared memory and a thread's own; device memory lies far below.
    constexpr uint64_t SharedWindow = uint64_t(1) << 56, LocalWindow = uint64_t(2) << 56;
    constexpr uint64_t WindowBytes = uint64_t(1) << 32;
    // Nothing lies between two shared variables for this far, so that running over the end of one is seen; a multiple
    // of the 128 bytes after which banks repeat.
    constexpr uint64_t SharedGap = 1024;

    // Where a module's variables were put.
    using Symbols = std::map<std::string, uint64_t>;

    std::unique_ptr<Program> prepare(const Module& module, const Function& function, const Symbols& symbols);
}
