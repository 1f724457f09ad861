// The table of opcodes: a row for each full form, with its effect on a warp. To add an instruction, add a row to one of
// the files that forms.cpp lists.
#pragma once
#include "../program.h"

namespace simt::ptx
{
    struct Form
    {
        Handler whole, part;
        Class kind;
        int writes;                 // how many operands, the first ones, it writes
        std::vector<uint8_t> sizes; // bytes of each operand: 1 for a predicate, 2, 4, 8
        bool collective = false;    // all lanes in its mask run it together; the mask comes last
    };

    using Table = std::map<std::string, Form>;

    // Throws an error that names the form if the table does not have it.
    const Form& form_of(const std::string& op);
    const Table& all_forms();

    void add_integers(Table& table);
    void add_floats(Table& table);
    void add_comparisons(Table& table);
    void add_conversions(Table& table);
    void add_memory(Table& table);
    void add_copies(Table& table);
    void add_atomics(Table& table);
    void add_exchanges(Table& table);
    void add_tensor(Table& table);
}
