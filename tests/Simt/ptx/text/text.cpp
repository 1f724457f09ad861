#include "text.h"
#include "lexer.h"
#include <algorithm>

namespace simt::ptx
{
    RegisterType type_of(const std::string& type)
    {
        size_t dot = type.rfind('.');
        std::string last = dot == std::string::npos ? type : type.substr(dot + 1);
        if (last == "pred") return {4, true};
        if (last == "f16x2" || last == "bf16x2") return {4, false};
        if (last.compare(0, 2, "bf") == 0) return {2, false};
        if (last.size() < 2 || !std::isdigit(static_cast<unsigned char>(last[1])))
            throw Error(0, "'" + type + "' is no type");
        return {uint8_t(std::stoi(last.substr(1)) / 8), false};
    }

    namespace
    {
        class Parser
        {
        public:
            explicit Parser(const std::string& text) : in_(text) {}

            Module run()
            {
                while (in_.more()) declaration();
                return std::move(module_);
            }

        private:
            Lexer in_;
            Module module_;
            Function function_;
            // The names of registers, the innermost braces last.
            std::vector<std::map<std::string, int>> scopes_;

            void declaration()
            {
                std::string word = in_.next();
                if (word == ".target")
                {
                    std::string target = in_.next();
                    module_.target = std::atoi(target.substr(target.find('_') + 1).c_str());
                    while (in_.take(",")) in_.next();
                }
                else if (word == ".version" || word == ".address_size") in_.next();
                else if (word == ".global" || word == ".const")
                {
                    module_.globals.push_back(variable());
                    in_.expect(";");
                }
                else if (word == ".extern" && in_.take(".shared"))
                {
                    module_.dynamic_shared.push_back(variable());
                    in_.expect(";");
                }
                else if (word == ".shared") throw Error(in_.line(), "shared memory of a module, not of a kernel");
                else if (word == ".entry" || word == ".func") function(word == ".entry");
                else if (word == ".file") file();
            }

            // .file 1 "gemm.cu"
            void file()
            {
                int number = int(in_.number());
                std::string name = in_.next();
                name = name.substr(1, name.size() - 2);
                module_.files[number] = name.substr(name.rfind('/') + 1);
                while (in_.more() && in_.take(",")) in_.next();
            }

            // .loc 1 160 13, and where it was inlined, which is less important
            void source_line(int line)
            {
                int number = int(in_.number());
                module_.source_lines.push_back({line, number, int(in_.number())});
                while (in_.more() && in_.line() == line) in_.next();
            }

            // .align 4 .b8 name[8] = {…}, without the word before it
            Variable variable()
            {
                Variable v;
                std::string type;
                while (in_.peek()[0] == '.')
                {
                    std::string word = in_.next();
                    if (word == ".align") v.align = in_.number();
                    else if (word != ".ptr" && word != ".global" && word != ".shared") type = word;
                }
                v.name = in_.next();
                uint64_t one = type_of(type).bytes, count = 1;
                while (in_.take("["))
                {
                    count *= in_.peek() == "]" ? 0 : in_.number();
                    in_.expect("]");
                }
                v.bytes = one * count;
                v.align = std::max(v.align, one);
                if (in_.take("="))
                {
                    bool braces = in_.take("{");
                    do
                    {
                        uint64_t bits = in_.number();
                        for (uint64_t i = 0; i < one; ++i) v.init.push_back(uint8_t(bits >> 8 * i));
                    } while (in_.take(","));
                    if (braces) in_.expect("}");
                }
                v.init.resize(v.bytes);
                return v;
            }

            int declare(const std::string& name, RegisterType type)
            {
                int number = int(function_.registers.size());
                scopes_.back()[name] = number;
                function_.registers.push_back(type);
                function_.register_names.push_back(name);
                return number;
            }

            int find(const std::string& name) const
            {
                for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
                    if (auto found = scope->find(name); found != scope->end()) return found->second;
                return -1;
            }

            // A parameter or result of a .func, or an argument for one: treated as a register.
            int parameter()
            {
                Variable v = variable();
                if (v.bytes > 8) throw Error(in_.line(), "a parameter of a function that is no single number");
                return declare(v.name, {uint8_t(std::max<uint64_t>(v.bytes, 4)), false});
            }

            void function(bool entry)
            {
                function_ = Function();
                function_.entry = entry;
                scopes_.assign(1, {});
                if (in_.take("("))
                    while (!in_.take(")"))
                    {
                        if (in_.take(".param")) function_.results.push_back(parameter());
                        else in_.expect(",");
                    }
                function_.name = in_.next();
                uint64_t bytes = 0;
                if (in_.take("("))
                    while (!in_.take(")"))
                    {
                        if (in_.take(",")) continue;
                        in_.expect(".param");
                        if (!entry)
                        {
                            function_.arguments.push_back(parameter());
                            continue;
                        }
                        function_.params.push_back(variable());
                        bytes = place(function_.params.back(), bytes);
                    }
                for (;;)
                {
                    if (in_.take(";")) return; // declared, not defined
                    if (in_.take("{")) break;
                    std::string word = in_.next();
                    if (word != ".maxntid" && word != ".reqntid") continue;
                    function_.max_threads = unsigned(in_.number());
                    while (in_.take(",")) function_.max_threads *= unsigned(in_.number());
                }
                body();
                module_.functions[function_.name] = std::move(function_);
            }

            void body()
            {
                for (int depth = 1; depth > 0;)
                {
                    int line = in_.line();
                    std::string word = in_.next();
                    if (word == "{") ++depth, scopes_.emplace_back();
                    else if (word == "}") --depth, scopes_.pop_back();
                    else if (word == ".reg") registers();
                    else if (word == ".shared" || word == ".local")
                    {
                        auto& all = word == ".local" ? function_.locals : function_.shared;
                        all.push_back(variable());
                        in_.expect(";");
                    }
                    else if (word == ".param")
                    {
                        parameter();
                        in_.expect(";");
                    }
                    else if (word == ".loc") source_line(line);
                    else if (word[0] == '.')
                        while (!in_.take(";")) in_.next();
                    else if (in_.take(":")) function_.labels[word] = function_.code.size();
                    else instruction(word, line);
                }
            }

            void registers()
            {
                RegisterType type = type_of(in_.next());
                do
                {
                    std::string name = in_.next();
                    if (in_.take("<"))
                    {
                        uint64_t count = in_.number();
                        in_.expect(">");
                        for (uint64_t i = 0; i < count; ++i) declare(name + std::to_string(i), type);
                    }
                    else declare(name, type);
                } while (in_.take(","));
                in_.expect(";");
            }

            void instruction(std::string word, int line)
            {
                Instruction i;
                i.line = line;
                if (word == "@")
                {
                    i.negated = in_.take("!");
                    std::string name = in_.next();
                    i.predicate = find(name);
                    if (i.predicate < 0) throw Error(line, "no such predicate: " + name);
                    word = in_.next();
                }
                i.op = word;
                while (!in_.take(";"))
                {
                    i.operands.push_back(operand());
                    in_.take(",");
                }
                parameter_as_register(i);
                function_.code.push_back(std::move(i));
            }

            // st.param [param0+0], %r and ld.param %r, [retval0+0]: arguments and results are registers here.
            void parameter_as_register(Instruction& i)
            {
                bool store = i.op.compare(0, 9, "st.param.") == 0;
                if (!store && i.op.compare(0, 9, "ld.param.") != 0) return;
                Operand& at = i.operands[store ? 0 : 1];
                int number = at.kind == Operand::Address ? find(at.name) : -1;
                if (number < 0 || at.name[0] == '%') return;
                if (at.bits) throw Error(i.line, "a part of a parameter");
                at = Operand{Operand::Register, at.name, number, 0, {}};
                i.op = "mov." + i.op.substr(9);
            }

            Operand operand()
            {
                Operand o;
                if (in_.peek() == "{" || in_.peek() == "(")
                {
                    const char* end = in_.next() == "{" ? "}" : ")";
                    o.kind = Operand::Vector;
                    while (!in_.take(end))
                    {
                        o.parts.push_back(operand());
                        in_.take(",");
                    }
                    return o;
                }
                if (in_.take("["))
                {
                    o.kind = Operand::Address;
                    if (!read_number(in_.peek(), o.bits))
                    {
                        o.name = in_.next();
                        o.reg = find(o.name);
                        if (in_.take("+")) o.bits = in_.number();
                    }
                    else in_.next();
                    in_.expect("]");
                    return o;
                }
                bool minus = in_.take("-");
                std::string word = in_.next();
                if (read_number(word, o.bits))
                {
                    if (minus) o.bits = 0 - o.bits;
                    return o;
                }
                o.name = word;
                o.reg = find(word);
                o.kind = o.reg >= 0       ? Operand::Register
                         : word[0] == '%' ? Operand::Special
                         : word[0] == '$' ? Operand::Label
                                          : Operand::Symbol;
                if (!in_.take("|")) return o;
                Operand both;
                both.kind = Operand::Vector;
                both.parts = {o, operand()};
                return both;
            }
        };
    }

    Module parse(const std::string& text) { return Parser(text).run(); }

    std::string place_of(const Module& module, int line)
    {
        std::string place = "PTX line " + std::to_string(line);
        auto after = std::upper_bound(module.source_lines.begin(), module.source_lines.end(), line,
            [](int at, const SourceLine& source) { return at < source.line; });
        if (after == module.source_lines.begin()) return place;
        const SourceLine& source = *std::prev(after);
        auto file = module.files.find(source.file);
        if (file == module.files.end()) return place;
        return file->second + ":" + std::to_string(source.source_line) + " (" + place + ")";
    }
}
