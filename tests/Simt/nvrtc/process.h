// The functions for files and processes that the compiler needs.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    // A folder that is deleted with this object.
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
    // Writes a file and creates its parent folders.
    bool write_file(const std::string& path, const std::string& text);
    // Replaces the file atomically: no reader sees half of it.
    bool replace_file(const std::string& path, const std::string& text);
    // Runs a program and appends its error output to the file. Returns its exit code, or -1 if it could not be run.
    int run_process(const std::vector<std::string>& arguments, const std::string& errors);
}
