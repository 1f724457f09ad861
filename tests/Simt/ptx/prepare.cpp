// Turns a function's text into a program: each instruction finds its form in the table, and its operands their rows.
#include "draft.h"
#include <algorithm>
#include <cstring>

namespace simt::ptx
{
    namespace
    {
        bool starts(const std::string& text, const char* with) { return text.compare(0, std::strlen(with), with) == 0; }

        class Preparation
        {
        public:
            Preparation(const Module& module, const Function& function, const Symbols& symbols)
                : module_(module), symbols_(symbols), function_(with_calls_inlined(module, function))
            {
                draft_.registers = function_.registers;
                draft_.names = function_.register_names;
            }

            std::unique_ptr<Program> run()
            {
                auto program = std::make_unique<Program>();
                program->name = function_.name;
                program->module = &module_;
                program->params = function_.params;
                program->max_threads = function_.max_threads;
                lay_out(*program);
                pieces();
                check_undefined(draft_);
                assign_rows(draft_, *program);
                return program;
            }

        private:
            const Module& module_;
            const Symbols& symbols_;
            Function function_;
            Draft draft_;
            std::map<std::pair<int, uint64_t>, int> constant_of_;
            std::map<std::string, int> special_of_;
            uint64_t shared_end_ = 0;

            void lay_out(Program& program)
            {
                uint64_t packed = 0;
                for (size_t i = 0; i < function_.shared.size(); ++i)
                {
                    Variable& variable = function_.shared[i];
                    packed = place(variable, packed);
                    variable.at += i * SharedGap;
                    shared_end_ = variable.at + variable.bytes + SharedGap;
                }
                for (Variable& variable : function_.locals)
                    program.local_bytes = (place(variable, program.local_bytes) + 15) / 16 * 16;
                program.shared = function_.shared;
                program.shared_end = shared_end_;
                program.shared_bytes = (packed + 15) / 16 * 16;
            }

            uint64_t address_of(const std::string& name) const
            {
                for (auto* all : {&function_.params, &function_.shared, &function_.locals})
                    for (const Variable& variable : *all)
                        if (variable.name == name) return variable.at;
                for (const Variable& variable : module_.dynamic_shared)
                    if (variable.name == name) return (shared_end_ + 127) / 128 * 128;
                auto found = symbols_.find(name);
                if (found == symbols_.end()) throw Error(0, "no variable is called '" + name + "'");
                return found->second;
            }

            int constant(uint8_t bytes, uint64_t bits)
            {
                if (bytes == 1) bits = bits ? AllLanes : 0;
                if (bytes == 2) bits &= 0xffff;
                if (bytes <= 4) bits &= AllLanes;
                uint8_t width = bytes == 8 ? 8 : 4;
                auto [at, added] = constant_of_.insert({{width, bits}, int(draft_.constants.size())});
                if (added) draft_.constants.push_back({"", width, bits});
                return -1 - at->second;
            }

            int special(const std::string& name)
            {
                auto [at, added] = special_of_.insert({name, int(draft_.constants.size())});
                if (added) draft_.constants.push_back({name, 4, 0});
                return -1 - at->second;
            }

            int temporary(uint8_t bytes)
            {
                draft_.registers.push_back({bytes, false});
                draft_.names.push_back("");
                return int(draft_.registers.size()) - 1;
            }

            void emit(const char* op, std::vector<int> rows, int line)
            {
                const Form& form = form_of(op);
                draft_.steps.push_back({{form.whole, form.part, {}, 0, line}, std::move(rows), form.writes});
            }

            // The row of an operand that is read. NVRTC reads a 64-bit register as one of 32 bits and, for an address,
            // the reverse; a copy of the right width replaces it.
            int source(const Operand& o, uint8_t bytes, int line)
            {
                switch (o.kind)
                {
                    case Operand::Immediate: return constant(bytes, o.bits);
                    case Operand::Symbol: return constant(bytes, address_of(o.name));
                    case Operand::Special:
                    {
                        int row = special(o.name);
                        if (bytes != 8) return row;
                        int wide = temporary(8);
                        emit("cvt.u64.u32", {wide, row}, line);
                        return wide;
                    }
                    case Operand::Register: break;
                    default: throw Error(line, "an operand of a kind that does not fit here");
                }
                bool has = draft_.registers[size_t(o.reg)].bytes == 8, wants = bytes == 8;
                if (has == wants) return o.reg;
                int copy = temporary(wants ? 8 : 4);
                emit(wants ? "cvt.u64.u32" : "cvt.u32.u64", {copy, o.reg}, line);
                return copy;
            }

            // The operands in the table's order: vectors are split, and an address's offset is separated.
            std::vector<Operand> flatten(const Instruction& in, int64_t& offset, int64_t& second)
            {
                std::vector<Operand> list;
                bool first = true;
                for (const Operand& o : in.operands)
                {
                    if (o.kind == Operand::Vector) list.insert(list.end(), o.parts.begin(), o.parts.end());
                    else if (o.kind == Operand::Address)
                    {
                        Operand base = o;
                        base.kind = o.reg >= 0       ? Operand::Register
                                    : o.name.empty() ? Operand::Immediate
                                                     : Operand::Symbol;
                        if (base.kind != Operand::Immediate) (first ? offset : second) = int64_t(o.bits);
                        list.push_back(std::move(base));
                        first = false;
                    }
                    else list.push_back(o);
                }
                if (second && in.op.rfind("cp.async.", 0)) throw Error(in.line, "a second address with an offset");
                return list;
            }

            // The opcode in the table's form, with operands that it only implies.
            std::string normalize(const Instruction& in, std::vector<Operand>& list)
            {
                std::string op = in.op;
                bool vectors = starts(op, "mov.b");
                if (vectors && in.operands[1].kind == Operand::Vector) op += ".pack";
                else if (vectors && in.operands[0].kind == Operand::Vector) op += ".unpack";
                // Unless a copy says how many bytes it reads, it reads all that it writes.
                if (starts(op, "cp.async.c") && list.size() == 3) list.push_back(list[2]);
                // All lanes of the warp take part in reading and multiplying matrices.
                if (starts(op, "mma.sync.") || starts(op, "ldmatrix.sync."))
                    list.push_back({Operand::Immediate, "", -1, AllLanes, {}});
                // The carry is a register like any other.
                Operand carry{Operand::Register, "", draft_.carry, 0, {}};
                bool reads = starts(op, "addc") || starts(op, "subc") || starts(op, "madc");
                bool writes = op.find(".cc.") != std::string::npos;
                if ((reads || writes) && draft_.carry < 0) carry.reg = draft_.carry = temporary(4);
                if (writes) list.insert(list.begin() + 1, carry);
                if (reads) list.push_back(carry);
                return op;
            }

            void decode(const Instruction& in)
            {
                int64_t offset = 0, second = 0;
                std::vector<Operand> list = flatten(in, offset, second);
                std::string op = normalize(in, list);
                const Form& form = form_of(op);
                if (list.size() != form.sizes.size() || list.size() > MaxOperands)
                    throw Error(in.line, "'" + op + "' with " + std::to_string(list.size()) + " operands, not " +
                                             std::to_string(form.sizes.size()));
                std::vector<int> rows(list.size());
                for (size_t i = size_t(form.writes); i < list.size(); ++i)
                    rows[i] = source(list[i], form.sizes[i], in.line);
                // The loaded value may be narrower than its register.
                std::vector<std::pair<int, int>> widened;
                for (size_t i = 0; i < size_t(form.writes); ++i)
                {
                    rows[i] = list[i].reg;
                    if (rows[i] < 0 && list[i].name == "_") rows[i] = temporary(form.sizes[i] == 8 ? 8 : 4);
                    if (rows[i] < 0) throw Error(in.line, "'" + list[i].name + "' cannot be written");
                    bool wide = draft_.registers[size_t(rows[i])].bytes == 8;
                    if (wide == (form.sizes[i] == 8)) continue;
                    if (!wide) throw Error(in.line, "a result of 8 bytes in a register of less");
                    widened.emplace_back(rows[i], temporary(4));
                    rows[i] = widened.back().second;
                }
                draft_.steps.push_back({{form.whole, form.part, {}, offset, in.line, second}, rows, form.writes});
                bool is_signed = op[op.rfind('.') + 1] == 's';
                for (auto [wide, narrow] : widened)
                    emit(is_signed ? "cvt.s64.s32" : "cvt.u64.u32", {wide, narrow}, in.line);
                if (form.collective) draft_.pieces.back().members = rows.back();
                count(draft_.pieces.back(), in, form.kind);
            }

            void count(Piece& piece, const Instruction& in, Class kind)
            {
                ++piece.instructions;
                ++piece.counts[size_t(kind)];
                piece.machine += machine_hundredths(in);
            }

            void begin_piece(int line)
            {
                draft_.pieces.emplace_back();
                Piece& piece = draft_.pieces.back();
                piece.first = piece.last = int(draft_.steps.size());
                piece.line = line;
                draft_.predicates.push_back(-1);
            }

            void pieces()
            {
                std::map<size_t, int> piece_at;
                std::vector<bool> labeled(function_.code.size() + 1);
                for (auto& [name, at] : function_.labels) labeled[at] = true;
                std::vector<std::pair<size_t, size_t>> jumps;
                bool open = false;
                for (size_t i = 0; i < function_.code.size(); ++i)
                {
                    const Instruction& in = function_.code[i];
                    try
                    {
                        bool collective = is_collective(in);
                        if (!open || labeled[i] || collective || (in.predicate >= 0 && !starts(in.op, "bra")))
                        {
                            begin_piece(in.line);
                            piece_at[i] = int(draft_.pieces.size()) - 1;
                        }
                        open = instruction(in, i, jumps);
                    }
                    catch (const Error& error)
                    {
                        std::string what = error.what();
                        if (starts(what, "PTX line")) throw;
                        throw Error(in.line, what);
                    }
                }
                begin_piece(function_.code.empty() ? 0 : function_.code.back().line);
                piece_at[function_.code.size()] = int(draft_.pieces.size()) - 1;
                draft_.pieces.back().end = Piece::RunsOut;
                for (auto& [piece, at] : jumps) draft_.pieces[piece].target = piece_at.at(at);
            }

            static bool is_collective(const Instruction& in)
            {
                auto form = all_forms().find(in.op);
                return form != all_forms().end() && form->second.collective;
            }

            // Whether the piece continues after it.
            bool instruction(const Instruction& in, size_t i, std::vector<std::pair<size_t, size_t>>& jumps)
            {
                bool jump = in.op == "bra" || in.op == "bra.uni";
                if (in.predicate >= 0 && !jump)
                {
                    // A jump around it, which is counted as the instruction itself.
                    Piece& around = draft_.pieces.back();
                    around.end = Piece::Branches;
                    around.negated = !in.negated;
                    draft_.predicates.back() = in.predicate;
                    jumps.emplace_back(draft_.pieces.size() - 1, i + 1);
                    begin_piece(in.line);
                }
                Piece& piece = draft_.pieces.back();
                piece.line = in.line;
                if (jump)
                {
                    piece.end = Piece::Branches;
                    piece.negated = in.negated;
                    draft_.predicates.back() = in.predicate;
                    auto target = function_.labels.find(in.operands.at(0).name);
                    if (target == function_.labels.end()) throw Error(in.line, "no such label");
                    jumps.emplace_back(draft_.pieces.size() - 1, target->second);
                }
                else if (in.op == "ret" || in.op == "exit") piece.end = Piece::Returns;
                else if (in.op == "bar.sync" || in.op == "barrier.sync" || in.op == "barrier.sync.aligned")
                {
                    if (in.operands.size() != 1 || in.operands[0].bits)
                        throw Error(in.line, "a barrier of some of a block's threads");
                    piece.end = Piece::Barrier;
                }
                else
                {
                    piece.collective |= is_collective(in);
                    decode(in);
                    draft_.pieces.back().last = int(draft_.steps.size());
                    return in.predicate < 0;
                }
                count(piece, in, Class::Control);
                return false;
            }

        };
    }

    std::unique_ptr<Program> prepare(const Module& module, const Function& function, const Symbols& symbols)
    {
        return Preparation(module, function, symbols).run();
    }
}
