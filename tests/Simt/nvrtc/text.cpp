#include "text.h"
#include <algorithm>
#include <cctype>

namespace simt
{
    namespace
    {
        template <class F> std::string each_line(const std::string& text, F change)
        {
            std::string result;
            for (size_t at = 0; at < text.size();)
            {
                size_t end = std::min(text.find('\n', at), text.size());
                result += change(text.substr(at, end - at));
                if (end < text.size()) result += '\n';
                at = end + 1;
            }
            return result;
        }

        // Removes a word from the front, and the space before it.
        bool take(std::string& line, const std::string& word)
        {
            size_t start = std::min(line.find_first_not_of(" \t"), line.size());
            if (line.compare(start, word.size(), word) != 0) return false;
            line.erase(0, start + word.size());
            return true;
        }

        std::string unrolled(const std::string& line)
        {
            std::string rest = line;
            if (!take(rest, "#") || !take(rest, "pragma") || !take(rest, "unroll")) return line;
            bool bare = rest.find_first_not_of(" \t\r") == std::string::npos;
            return "#pragma GCC unroll " + (bare ? "64" : rest);
        }

        // The end of the number that begins at `at`; `at` itself if there is none.
        size_t after_number(const std::string& line, size_t at)
        {
            while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at]))) ++at;
            return at;
        }

        std::string placed(std::string line)
        {
            size_t colon = line.find(':');
            if (colon == std::string::npos || line.find(' ') < colon) return line;
            size_t end = after_number(line, colon + 1);
            if (end == colon + 1 || end >= line.size() || line[end] != ':') return line;
            std::string number = line.substr(colon + 1, end - colon - 1);
            // A column may follow; NVRTC does not print it.
            size_t column = after_number(line, end + 1);
            if (column > end + 1 && column < line.size() && line[column] == ':') end = column;
            return line.substr(0, colon) + "(" + number + ")" + line.substr(end);
        }
    }

    std::string with_unrolling(const std::string& text) { return each_line(text, unrolled); }

    std::string readable(const std::string& log, const std::string& folder)
    {
        return each_line(log, [&](std::string line) {
            if (!take(line, folder + "/include/") && !take(line, folder + "/")) take(line, "include/");
            return placed(line);
        });
    }
}
