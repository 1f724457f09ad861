// A program before its registers have rows.
#pragma once
#include "forms/forms.h"

namespace simt::ptx
{
    struct DraftStep
    {
        Step step;
        // For each operand: a register's number, or -1 - n for the n-th constant. The written ones come first.
        std::vector<int> rows;
        int writes;
    };

    struct DraftConstant
    {
        std::string special; // a register that the launch fills in: "%tid.x"; else empty
        uint8_t bytes;
        uint64_t bits;
    };

    struct Draft
    {
        std::vector<RegisterType> registers;
        std::vector<std::string> names;
        std::vector<DraftConstant> constants;
        std::vector<DraftStep> steps;
        std::vector<Piece> pieces;
        std::vector<int> predicates; // for each piece, the register that decides its jump, or -1
        std::vector<std::string> maybe_undefined;
        int carry = -1;
    };

    // A set of registers.
    class Set
    {
    public:
        explicit Set(size_t size = 0) : words((size + 63) / 64) {}
        bool has(int i) const { return words[size_t(i) / 64] >> (i & 63) & 1; }
        void add(int i) { words[size_t(i) / 64] |= uint64_t(1) << (i & 63); }
        template <class F> void each(F act) const
        {
            for (size_t w = 0; w < words.size(); ++w)
                for (uint64_t rest = words[w]; rest; rest &= rest - 1) act(int(w * 64) + __builtin_ctzll(rest));
        }

        std::vector<uint64_t> words;
    };

    // The registers that are live at the beginning and the end of each piece.
    struct Liveness
    {
        std::vector<Set> in, out;
        explicit Liveness(const Draft& draft);
    };

    // A register that is read before it is written on some path through the program: steps that watch it are added.
    void check_undefined(Draft& draft);
    // Registers that are never live at once share a row; otherwise those of a warp would not fit the L1 cache.
    void assign_rows(Draft& draft, Program& program);

    // The average number of machine instructions of an instruction, in hundredths.
    unsigned machine_hundredths(const Instruction& in);
}
