#include "lexer.h"
#include <cctype>
#include <cstring>

namespace simt::ptx
{
    namespace
    {
        bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || (c && std::strchr("_$%.", c)); }
    }

    Lexer::Lexer(const std::string& text)
    {
        int line = 1;
        for (size_t i = 0; i < text.size();)
        {
            char c = text[i];
            if (c == '\n') ++line, ++i;
            else if (std::isspace(static_cast<unsigned char>(c)) || c == '\0') ++i;
            else if (text.compare(i, 2, "//") == 0) i = std::min(text.find('\n', i), text.size());
            else if (c == '"')
            {
                size_t end = text.find('"', i + 1);
                words_.push_back(text.substr(i, end + 1 - i));
                lines_.push_back(line);
                i = end + 1;
            }
            else
            {
                size_t start = i++;
                // Opcodes contain colons: cp.async.ca.shared::cta.global; a label's colon is a word of its own.
                while (in_word(c) && i < text.size() && (in_word(text[i]) || text.compare(i, 2, "::") == 0))
                    i += text[i] == ':' ? 2 : 1;
                words_.push_back(text.substr(start, i - start));
                lines_.push_back(line);
            }
        }
        lines_.push_back(line);
    }

    const std::string& Lexer::peek() const
    {
        if (!more()) throw Error(line(), "the text ends too early");
        return words_[at_];
    }

    std::string Lexer::next()
    {
        std::string word = peek();
        ++at_;
        return word;
    }

    bool Lexer::take(const char* word)
    {
        if (peek() != word) return false;
        ++at_;
        return true;
    }

    void Lexer::expect(const char* word)
    {
        if (!take(word)) throw Error(line(), std::string("here stands '") + peek() + "', not '" + word + "'");
    }

    uint64_t Lexer::number()
    {
        bool minus = take("-");
        uint64_t bits = 0;
        int at = line();
        std::string word = next();
        if (!read_number(word, bits)) throw Error(at, "'" + word + "' is no number");
        return minus ? 0 - bits : bits;
    }

    bool read_number(const std::string& word, uint64_t& bits)
    {
        if (word.empty() || !std::isdigit(static_cast<unsigned char>(word[0]))) return false;
        bool floating = word.size() > 2 && word[0] == '0' && std::strchr("fFdD", word[1]);
        bits = floating ? std::stoull(word.substr(2), nullptr, 16) : std::stoull(word, nullptr, 0);
        return true;
    }
}
