#include "forms.h"

namespace simt::ptx
{
    const char* const ClassNames[Classes] = {
        "fma", "float", "integer", "move", "shared", "global", "control", "tensor"};

    const Table& all_forms()
    {
        static const Table* table = [] {
            auto* all = new Table;
            add_integers(*all);
            add_floats(*all);
            add_comparisons(*all);
            add_conversions(*all);
            add_memory(*all);
            add_copies(*all);
            add_atomics(*all);
            add_exchanges(*all);
            add_tensor(*all);
            return all;
        }();
        return *table;
    }

    const Form& form_of(const std::string& op)
    {
        auto found = all_forms().find(op);
        if (found == all_forms().end())
            throw Error(0, "the executor does not know '" + op + "'; a row in tests/Simt/ptx/forms teaches it");
        return found->second;
    }
}
