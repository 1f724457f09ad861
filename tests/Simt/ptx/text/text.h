// A PTX text as data: the declarations of a module, and each function's instructions with their operands.
#pragma once
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace simt::ptx
{
    // An error in the PTX text, with its line.
    struct Error : std::runtime_error
    {
        Error(int where, const std::string& what)
            : std::runtime_error(where ? "PTX line " + std::to_string(where) + ": " + what : what)
        {
        }
    };

    struct Operand
    {
        enum Kind
        {
            Register,
            Immediate,
            Special, // %tid.x …
            Symbol,  // a variable's address
            Address, // [base+offset]: a register or a symbol
            Vector,  // {a, b, …}, and a|b
            Label
        } kind = Immediate;
        std::string name;
        int reg = -1;      // the register's number in its function; for an address, its base's
        uint64_t bits = 0; // of an immediate; for an address, its offset
        std::vector<Operand> parts;
    };

    struct Instruction
    {
        std::string op; // in full: "ld.global.v4.f32"
        int line = 0;
        int predicate = -1; // the register after @
        bool negated = false;
        std::vector<Operand> operands;
    };

    struct Variable
    {
        std::string name;
        uint64_t bytes = 0, align = 1;
        uint64_t at = 0; // its number among those of its kind
        std::vector<uint8_t> init;
    };

    // The kind of a register: its bytes, or a predicate.
    struct RegisterType
    {
        uint8_t bytes = 4;
        bool predicate = false;
    };

    struct Function
    {
        std::string name;
        bool entry = false;
        std::vector<Variable> params, shared, locals;
        // A .func's parameters and results are registers: a call copies into and out of them.
        std::vector<int> arguments, results;
        std::vector<RegisterType> registers;
        std::vector<std::string> register_names;
        std::vector<Instruction> code;
        std::map<std::string, size_t> labels; // the number of the instruction that follows
        unsigned max_threads = 1024;
    };

    // Lines of the PTX text at which another line of the CUDA C begins.
    struct SourceLine
    {
        int line;
        int file, source_line;
    };

    struct Module
    {
        int target = 0; // 90 of sm_90
        std::map<int, std::string> files;
        std::vector<SourceLine> source_lines; // in the order of the text
        std::vector<Variable> globals;
        std::vector<Variable> dynamic_shared; // extern: the beginning of the launch's dynamic shared memory
        std::map<std::string, Function> functions;
    };

    // The bytes of a type such as ".f32": f32, b64, u8, pred.
    RegisterType type_of(const std::string& type);

    Module parse(const std::string& text);

    // "gemm.cuh:160 (PTX line 412)", or without line information "PTX line 412".
    std::string place_of(const Module& module, int line);

    // Returns the function with its calls replaced by the bodies of the called functions.
    Function with_calls_inlined(const Module& module, const Function& function);

    // Returns the next place at a multiple of its alignment.
    inline uint64_t place(Variable& variable, uint64_t from)
    {
        variable.at = (from + variable.align - 1) / variable.align * variable.align;
        return variable.at + variable.bytes;
    }
}
