#include "source.h"
#include <cctype>

namespace simt
{
    namespace
    {
        bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

        class Translator
        {
        public:
            explicit Translator(const std::string& text) : in_(text) {}

            Source run()
            {
                while (at_ < in_.size()) step();
                return std::move(out_);
            }

        private:
            const std::string& in_;
            size_t at_ = 0;
            Source out_;
            int depth_ = 0, shared_ = 0, dynamic_ = 0;
            std::vector<int> extern_c_depths_;
            bool extern_c_ = false;
            std::string bounds_;

            size_t skip_space(size_t at) const
            {
                while (at < in_.size() && std::isspace(static_cast<unsigned char>(in_[at]))) ++at;
                return at;
            }

            size_t end_of_word(size_t at) const
            {
                while (at < in_.size() && in_word(in_[at])) ++at;
                return at;
            }

            std::string word_at(size_t at) const { return in_.substr(at, end_of_word(at) - at); }

            // The place after the closing bracket that matches the one at `open`.
            size_t close(size_t open) const
            {
                int depth = 0;
                for (size_t i = open; i < in_.size(); ++i)
                {
                    depth += in_[i] == '(';
                    depth -= in_[i] == ')';
                    if (depth == 0) return i + 1;
                }
                return in_.size();
            }

            void copy_to(size_t end)
            {
                out_.text.append(in_, at_, end - at_);
                at_ = end;
            }

            // Lines keep their numbers, whatever is removed.
            void drop_to(size_t end)
            {
                for (; at_ < end; ++at_)
                    if (in_[at_] == '\n') out_.text += '\n';
            }

            void step()
            {
                char c = in_[at_];
                bool line_start = at_ == 0 || in_[at_ - 1] == '\n';
                if (c == '#' && line_start) copy_to(std::min(in_.find('\n', at_), in_.size()));
                else if (c == '"' || (c == '\'' && !(at_ && in_word(in_[at_ - 1])))) copy_literal(c);
                else if (in_word(c)) step_word();
                else step_mark(c);
            }

            void copy_literal(char quote)
            {
                size_t end = at_ + 1;
                while (end < in_.size() && in_[end] != quote) end += in_[end] == '\\' ? 2 : 1;
                copy_to(std::min(end + 1, in_.size()));
            }

            void step_mark(char c)
            {
                depth_ += c == '{';
                depth_ -= c == '}';
                if (c == '{' && extern_c_) extern_c_depths_.push_back(depth_);
                if (c == '}' && !extern_c_depths_.empty() && extern_c_depths_.back() > depth_)
                    extern_c_depths_.pop_back();
                if (c == '{' || c == '}' || c == ';') extern_c_ = false, bounds_.clear();
                copy_to(at_ + 1);
            }

            void step_word()
            {
                size_t end = end_of_word(at_);
                std::string word = in_.substr(at_, end - at_);
                if (word == "__simt_global__") kernel(end);
                else if (word == "__simt_bounds__") launch_bounds(end);
                else if (word == "__simt_align__") alignment(end);
                else if (word == "__simt_shared__") shared_variable(end);
                else if (word == "extern") external(end);
                else copy_to(end);
            }

            void launch_bounds(size_t end)
            {
                size_t open = skip_space(end), stop = close(open);
                bounds_ = in_.substr(open + 1, stop - open - 2);
                drop_to(stop);
            }

            void alignment(size_t end)
            {
                drop_to(end);
                size_t open = skip_space(end), stop = close(open);
                out_.text += "__attribute__((aligned" + in_.substr(open, stop - open) + "))";
                at_ = stop;
            }

            void shared_variable(size_t end)
            {
                // Each variable has its own section, because g++ refuses one for variables of both templates and plain
                // functions.
                drop_to(end);
                out_.text += "static __attribute__((section(\"simt_shared." + std::to_string(shared_++) + "\")))";
            }

            void external(size_t end)
            {
                size_t next = skip_space(end);
                if (in_.compare(next, 3, "\"C\"") == 0)
                {
                    extern_c_ = true;
                    copy_to(next + 3);
                }
                else if (word_at(next) == "__simt_shared__") dynamic_shared(end_of_word(next));
                else copy_to(end);
            }

            // extern __shared__ T name[]; becomes a pointer to that memory of the launch.
            void dynamic_shared(size_t start)
            {
                size_t stop = in_.find(';', start), bracket = in_.rfind('[', stop), name_end = bracket;
                while (name_end > start && !in_word(in_[name_end - 1])) --name_end;
                size_t name = name_end;
                while (name > start && in_word(in_[name - 1])) --name;
                std::string type = without_alignment(in_.substr(start, name - start));
                std::string id = in_.substr(name, name_end - name),
                            alias = "simt_dynamic_" + std::to_string(dynamic_++);
                drop_to(stop);
                out_.text += "typedef " + type + " " + alias + "; " + (depth_ > 0 ? "" : "static ") + alias + "* const " + id + " = (" + alias +
                             "*)simt::simt_dynamic_shared()";
            }

            static std::string without_alignment(std::string type)
            {
                for (const char* word : {"__simt_align__", "alignas"})
                {
                    size_t start = type.find(word);
                    if (start == std::string::npos) continue;
                    type.erase(start, type.find(')', start) + 1 - start);
                }
                return type;
            }

            void kernel(size_t end)
            {
                drop_to(end);
                // noipa: a kernel stays a separate function and is called as declared.
                out_.text += "__attribute__((noipa))";
                if (!extern_c_ && extern_c_depths_.empty()) return;
                KernelText found{"", bounds_};
                size_t at = end;
                for (; at < in_.size() && in_[at] != '('; ++at)
                {
                    if (!in_word(in_[at])) continue;
                    std::string word = word_at(at);
                    at += word.size();
                    size_t open = skip_space(at);
                    if (word == "__simt_bounds__" || word == "__attribute__")
                    {
                        size_t stop = close(open);
                        if (word == "__simt_bounds__") found.bounds = in_.substr(open + 1, stop - open - 2);
                        at = stop;
                    }
                    else found.name = word;
                    --at;
                }
                // A declaration without a body is not yet a kernel.
                size_t body = skip_space(close(at));
                if (body < in_.size() && in_[body] == '{') out_.kernels.push_back(found);
            }
        };
    }

    Source translate(const std::string& preprocessed) { return Translator(preprocessed).run(); }
}
