using Engine.Build;

try
{
    return Verbs.Run(args, Console.Error);
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
