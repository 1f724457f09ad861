// Splits PTX into words: names, numbers and single marks, each with its line.
#pragma once
#include "text.h"

namespace simt::ptx
{
    class Lexer
    {
    public:
        explicit Lexer(const std::string& text);

        bool more() const { return at_ < words_.size(); }
        int line() const { return lines_[more() ? at_ : lines_.size() - 1]; }
        const std::string& peek() const;
        std::string next();
        bool take(const char* word);
        void expect(const char* word);
        uint64_t number();

    private:
        std::vector<std::string> words_;
        std::vector<int> lines_;
        size_t at_ = 0;
    };

    // Returns whether the word is a number, and its bits: 12, 0x1F, 0f3F800000, 0d3FF0000000000000.
    bool read_number(const std::string& word, uint64_t& bits);
}
