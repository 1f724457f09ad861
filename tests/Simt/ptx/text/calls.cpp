// Calls: NVRTC leaves a few slow paths of double precision as functions, which are not recursive. Their bodies replace
// the calls, so that only jumps remain.
#include "text.h"

namespace simt::ptx
{
    namespace
    {
        Operand as_register(int reg) { return Operand{Operand::Register, "", reg, 0, {}}; }

        class Inliner
        {
        public:
            explicit Inliner(const Module& module) : module_(module) {}

            Function run(const Function& function)
            {
                out_ = function;
                out_.code.clear();
                out_.labels.clear();
                copy(function, 0, "", "", 0);
                return std::move(out_);
            }

        private:
            static constexpr int Deepest = 16;

            const Module& module_;
            Function out_;
            int calls_ = 0;

            // The body with its registers renumbered from `first` and `suffix` appended to its names; it returns to
            // `end`.
            void copy(const Function& body, int first, const std::string& suffix, const std::string& end, int depth)
            {
                std::map<size_t, std::vector<std::string>> at;
                for (auto& [label, place] : body.labels) at[place].push_back(label + suffix);
                for (size_t i = 0; i <= body.code.size(); ++i)
                {
                    for (const std::string& label : at[i]) out_.labels[label] = out_.code.size();
                    if (i == body.code.size()) break;
                    Instruction in = body.code[i];
                    if (in.predicate >= 0) in.predicate += first;
                    for (Operand& o : in.operands) rename(o, first, suffix);
                    if (in.op.compare(0, 4, "call") == 0) call(in, depth);
                    else if (in.op == "ret" && !end.empty()) jump(end, in);
                    else out_.code.push_back(std::move(in));
                }
            }

            void rename(Operand& o, int first, const std::string& suffix) const
            {
                if (o.reg >= 0) o.reg += first;
                bool local = o.name.compare(0, 13, "__local_depot") == 0;
                if (o.kind == Operand::Label || local) o.name += suffix;
                for (Operand& part : o.parts) rename(part, first, suffix);
            }

            void jump(const std::string& label, const Instruction& like)
            {
                Instruction in = like;
                in.op = "bra.uni";
                in.operands = {Operand{Operand::Label, label, -1, 0, {}}};
                out_.code.push_back(std::move(in));
            }

            void move(int to, int from, int line)
            {
                Instruction in;
                in.op = out_.registers[size_t(to)].bytes == 8 ? "mov.b64" : "mov.b32";
                in.line = line;
                in.operands = {as_register(to), as_register(from)};
                out_.code.push_back(std::move(in));
            }

            // call (results), name, (arguments)
            void call(const Instruction& in, int depth)
            {
                if (depth == Deepest) throw Error(in.line, "functions that call each other without end");
                if (in.predicate >= 0) throw Error(in.line, "a call with a predicate");
                size_t name = in.operands[0].kind == Operand::Vector ? 1 : 0;
                auto found = module_.functions.find(in.operands.at(name).name);
                if (found == module_.functions.end())
                    throw Error(in.line, "a call of '" + in.operands[name].name + "', which has no body here");
                const Function& callee = found->second;
                int first = int(out_.registers.size());
                std::string suffix = "#" + std::to_string(++calls_), end = "$end" + suffix;
                out_.registers.insert(out_.registers.end(), callee.registers.begin(), callee.registers.end());
                out_.register_names.insert(
                    out_.register_names.end(), callee.register_names.begin(), callee.register_names.end());
                for (Variable local : callee.locals)
                {
                    local.name += suffix;
                    out_.locals.push_back(local);
                }
                for (size_t i = 0; i < callee.arguments.size(); ++i)
                    move(first + callee.arguments[i], in.operands.at(name + 1).parts.at(i).reg, in.line);
                copy(callee, first, suffix, end, depth + 1);
                out_.labels[end] = out_.code.size();
                for (size_t i = 0; i < callee.results.size(); ++i)
                    move(in.operands[0].parts.at(i).reg, first + callee.results[i], in.line);
            }
        };
    }

    Function with_calls_inlined(const Module& module, const Function& function)
    {
        return Inliner(module).run(function);
    }
}
