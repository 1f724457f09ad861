// Files and processes, as far as the compiler needs them.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    // A temporary folder, deleted with this object.
    class TemporaryFolder
    {
    public:
        TemporaryFolder();
        ~TemporaryFolder();
        TemporaryFolder(const TemporaryFolder&) = delete;
        const std::string& path() const { return path_; }

    private:
        std::string path_;
    };

    bool read_file(const std::string& path, std::string& text);
    // Creates parent folders as needed.
    bool write_file(const std::string& path, const std::string& text);
    // Replaces the file atomically: nobody ever reads half of it.
    bool replace_file(const std::string& path, const std::string& text);
    // Runs a program and appends its error output to the file; returns its exit code, or -1 if it could not be run.
    int run_process(const std::vector<std::string>& arguments, const std::string& errors);
}
