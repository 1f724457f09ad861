#include "process.h"
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace simt
{
    TemporaryFolder::TemporaryFolder()
    {
        std::error_code error;
        std::string pattern = (std::filesystem::temp_directory_path(error) / "simtXXXXXX").string();
        if (mkdtemp(pattern.data())) path_ = pattern;
    }

    TemporaryFolder::~TemporaryFolder()
    {
        std::error_code error;
        if (!path_.empty()) std::filesystem::remove_all(path_, error);
    }

    bool read_file(const std::string& path, std::string& text)
    {
        std::ifstream file(path, std::ios::binary);
        if (!file) return false;
        std::ostringstream all;
        all << file.rdbuf();
        text = all.str();
        return true;
    }

    bool write_file(const std::string& path, const std::string& text)
    {
        std::error_code error;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
        std::ofstream file(path, std::ios::binary);
        file << text;
        file.close();
        return bool(file);
    }

    bool replace_file(const std::string& path, const std::string& text)
    {
        std::string temporary = path + "." + std::to_string(getpid());
        if (!write_file(temporary, text)) return false;
        return std::rename(temporary.c_str(), path.c_str()) == 0;
    }

    int run_process(const std::vector<std::string>& arguments, const std::string& errors)
    {
        std::vector<char*> raw;
        for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
        raw.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        pid_t child = 0;
        int failed = posix_spawnp(&child, raw[0], &actions, nullptr, raw.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed) return -1;
        int status = 0;
        while (waitpid(child, &status, 0) < 0)
            if (errno != EINTR) return -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
}
