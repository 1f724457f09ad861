using System.CommandLine;
using Engine.Runner;

namespace Engine.Tests.Runner;

public class OverviewTests
{
    private static readonly RootCommand s_root = CommandLine.Root(Commands.Create());

    [Test]
    public async Task Without_arguments_the_runner_shows_an_example_of_each_command_and_nothing_else()
    {
        (int code, string output, string errors) = await Run();

        Assert.That(code, Is.Zero);
        Assert.That(errors, Is.Empty);
        Assert.That(
            Overview.Examples.Select(example => example.Command), Is.EqualTo(s_root.Subcommands.Select(c => c.Name)));
        foreach ((string command, string line, _) in Overview.Examples)
        {
            Assert.That(output, Does.Contain($"  runner {line} "));
            Assert.That(line.Split(' ')[0], Is.EqualTo(command));
        }
    }

    [Test]
    public void Every_example_is_understood_by_its_command()
    {
        foreach ((string command, string line, _) in Overview.Examples)
        {
            ParseResult parsed = s_root.Parse(line);

            Assert.That(parsed.Errors, Is.Empty, line);
            Assert.That(parsed.UnmatchedTokens, Is.Empty, line);
            Assert.That(line, Does.StartWith(command));
        }
    }

    [TestCase("mpl", "There is no command 'mpl': did you mean 'mlp'? See 'runner --help'.")]
    [TestCase("shwo cnn", "There is no command 'shwo': did you mean 'show'? See 'runner --help'.")]
    [TestCase("CNN", "There is no command 'CNN': did you mean 'cnn'? See 'runner --help'.")]
    [TestCase("pred", "There is no command 'pred': did you mean 'predict'? See 'runner --help'.")]
    [TestCase("frobnicate", "There is no command 'frobnicate'. See 'runner --help'.")]
    [TestCase("--verson", "There is no option '--verson': did you mean '--version'? See 'runner --help'.")]
    [TestCase("mlp --epcohs 3", "There is no option '--epcohs': did you mean '--epochs'? See 'runner mlp --help'.")]
    [TestCase("mlp --epoch=3", "There is no option '--epoch': did you mean '--epochs'? See 'runner mlp --help'.")]
    [TestCase(
        "mlp --learn 3", "There is no option '--learn': did you mean '--learning-rate'? See 'runner mlp --help'.")]
    [TestCase("cnn --hidden 100", "There is no option '--hidden'. See 'runner cnn --help'.")]
    [TestCase("compare cmn", "There is no command 'cmn': did you mean 'cnn'? See 'runner compare --help'.")]
    [TestCase("compare", "runner compare takes one of mlp, cnn. See 'runner compare --help'.")]
    [TestCase(
        "train --epcohs 3 cnn", "There is no option '--epcohs': did you mean '--epochs'? See 'runner train --help'.")]
    [TestCase("plot --txt h.jsonl", "There is no option '--txt': did you mean '--text'? See 'runner plot --help'.")]
    [TestCase("predict --load m --formt=csv a.png",
        "There is no option '--formt': did you mean '--format'? See 'runner predict --help'.")]
    [TestCase("predict a.png", "Option '--load' is required. See 'runner predict --help'.")]
    [TestCase("check now", "There is no argument 'now'. See 'runner check --help'.")]
    public async Task A_misspelt_word_is_answered_with_the_nearest_one(string line, string answer)
    {
        (int code, string output, string errors) = await Run(line.Split(' '));

        Assert.That(code, Is.EqualTo(CommandLine.WrongUsage));
        Assert.That(output, Is.Empty);
        Assert.That(errors, Is.EqualTo(answer));
    }

    [Test]
    public async Task Behind_two_dashes_a_word_is_a_file_whatever_it_begins_with() =>
        Assert.That((await Run("plot", "--", "--txt")).Errors, Is.EqualTo("There is no file --txt."));

    [TestCase("runner predict --format c", ExpectedResult = "csv")]
    [TestCase("runner explain mlp --stage k", ExpectedResult = "kernels")]
    [TestCase("runner mlp --device a", ExpectedResult = "auto")]
    [TestCase("runner pr", ExpectedResult = "predict")]
    [TestCase("runner mlp --ep", ExpectedResult = "--epochs")]
    [TestCase("runner explain c", ExpectedResult = "cnn")]
    public async Task<string> A_shell_is_told_what_a_word_may_become(string line) =>
        (await Run($"[suggest:{line.Length}]", line)).Output.Split('\n')[0].Trim();

    [Test]
    public async Task Every_option_with_a_default_says_it_in_the_help_of_its_command()
    {
        foreach (Command command in s_root.Subcommands.SelectMany(c => c.Subcommands.Count > 0 ? c.Subcommands : [c]))
        {
            string path = command.Parents.First() is RootCommand ? command.Name : $"compare {command.Name}";
            (_, string help, _) = await Run([.. path.Split(' '), "--help"]);
            string text = string.Join(' ', help.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            foreach (Option option in command.Options.Where(
                option => option.HasDefaultValue && option.ValueType != typeof(bool)))
            {
                int at = Math.Max(
                    text.LastIndexOf($" {option.Name}, ", StringComparison.Ordinal),
                    text.LastIndexOf($" {option.Name} ", StringComparison.Ordinal));
                Assert.That(at, Is.Positive, $"{path} {option.Name} is not in the help");
                string from = text[at..];
                Assert.That(from[..Math.Min(from.Length, 400)], Does.Contain("[default: "), $"{path} {option.Name}");
            }
        }
    }

    private static async Task<(int Code, string Output, string Errors)> Run(params string[] args)
    {
        using StringWriter output = new(), errors = new();
        int code = await CommandLine.Run(s_root, args, output, errors, CancellationToken.None);
        return (code, output.ToString().Trim(), errors.ToString().Trim());
    }
}
