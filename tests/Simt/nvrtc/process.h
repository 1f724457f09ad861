// Files and processes, no more than the compiler needs.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    // A folder that goes with this object.
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
    // Makes the folders on the way.
    bool write_file(const std::string& path, const std::string& text);
    // Replaces the file as a whole: nobody ever reads half of it.
    bool replace_file(const std::string& path, const std::string& text);
    // Runs a program with its error output added to the file; its exit code, or -1 when it could not be run.
    int run_process(const std::vector<std::string>& arguments, const std::string& errors);
}
