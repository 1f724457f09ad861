#include "assembly.h"
#include <cctype>
#include <cstdlib>
#include <set>
#include <string_view>

namespace simt
{
    namespace
    {
        constexpr char Gap[] = "\t.zero\t64\n";

        bool in_symbol(char c)
        {
            return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
        }

        std::string_view first_symbol(std::string_view text)
        {
            size_t start = 0;
            while (start < text.size() && !in_symbol(text[start])) ++start;
            size_t end = start;
            while (end < text.size() && in_symbol(text[end])) ++end;
            return text.substr(start, end - start);
        }

        class Reader
        {
        public:
            Assembly result;
            std::map<std::string, std::set<std::string>, std::less<>> mentions;
            std::map<std::string, size_t, std::less<>> variables;

            void read(std::string_view line)
            {
                std::string_view word = first_symbol(line);
                std::string_view rest =
                    word.empty() ? word : line.substr(size_t(word.data() - line.data()) + word.size());
                if (word == ".section" || word == ".text" || word == ".data" || word == ".bss")
                    section(word, rest, line);
                else if (in_shared_ && word == ".zero") result.text.append(line).append("\n").append(Gap);
                else result.text.append(line).append("\n");

                if (word == ".type" && rest.find("@function") != rest.npos)
                    functions_.insert(std::string(first_symbol(rest)));
                else if (word == ".size" && in_shared_) size(rest);
                else if (word == ".size") function_ = nullptr;
                else if (!rest.empty() && rest[0] == ':' && functions_.count(word))
                    function_ = &mentions[std::string(word)];
                else if (function_ && (word.empty() || word[0] != '.')) note(rest);
            }

        private:
            bool in_shared_ = false, began_ = false;
            std::set<std::string, std::less<>> functions_;
            std::set<std::string>* function_ = nullptr;

            void section(std::string_view word, std::string_view rest, std::string_view line)
            {
                // g++ drops the section of a template's variable, but a function's static (_ZZ…) is always a shared
                // variable.
                std::string_view name = first_symbol(rest);
                in_shared_ =
                    word == ".section" && (name.substr(0, 12) == "simt_shared." || name.substr(0, 8) == ".bss._ZZ");
                if (!in_shared_)
                {
                    result.text.append(line).append("\n");
                    return;
                }
                result.text += "\t.section\tsimt_shared,\"aw\"\n";
                if (!began_) result.text += Gap;
                began_ = true;
            }

            void size(std::string_view rest)
            {
                std::string_view symbol = first_symbol(rest);
                size_t comma = rest.find(',');
                variables[std::string(symbol)] =
                    std::strtoull(std::string(rest.substr(comma + 1)).c_str(), nullptr, 10);
            }

            void note(std::string_view text)
            {
                while (!text.empty())
                {
                    std::string_view symbol = first_symbol(text);
                    if (symbol.empty()) return;
                    if (symbol[0] == '_' || std::isalpha(static_cast<unsigned char>(symbol[0])))
                        function_->insert(std::string(symbol));
                    text.remove_prefix(size_t(symbol.data() - text.data()) + symbol.size());
                }
            }
        };

        void follow(const Reader& reader, const std::string& function, std::set<std::string>& seen,
            std::vector<SharedVariable>& found)
        {
            auto mentions = reader.mentions.find(function);
            if (mentions == reader.mentions.end()) return;
            for (const std::string& symbol : mentions->second)
            {
                if (!seen.insert(symbol).second) continue;
                if (auto variable = reader.variables.find(symbol); variable != reader.variables.end())
                    found.push_back({symbol, variable->second});
                else follow(reader, symbol, seen, found);
            }
        }
    }

    Assembly arrange(const std::string& text, const std::vector<std::string>& kernels)
    {
        Reader reader;
        reader.result.text.reserve(text.size() + text.size() / 16);
        for (size_t at = 0; at < text.size();)
        {
            size_t end = text.find('\n', at);
            if (end == std::string::npos) end = text.size();
            reader.read(std::string_view(text).substr(at, end - at));
            at = end + 1;
        }
        for (const std::string& kernel : kernels)
        {
            if (!reader.mentions.count(kernel)) continue;
            std::set<std::string> seen{kernel};
            follow(reader, kernel, seen, reader.result.shared[kernel]);
        }
        return std::move(reader.result);
    }
}
