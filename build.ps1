# Finds a .NET 10 SDK (on the PATH, else in .dotnet/, else installed there) and hands all arguments to build/.
$ErrorActionPreference = 'Stop'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$ownSdk = Join-Path $PSScriptRoot '.dotnet'

function Test-Sdk($command) {
    [bool](Get-Command $command -ErrorAction SilentlyContinue) -and
        [bool](& $command --list-sdks | Where-Object { $_ -match '^10\.0\.\d+ ' })
}

function Install-Sdk {
    $script = Join-Path $ownSdk 'dotnet-install.ps1'
    Write-Host "No .NET 10 SDK here: installing one into .dotnet/ by Microsoft's script."
    New-Item -ItemType Directory -Force $ownSdk | Out-Null
    Invoke-WebRequest -UseBasicParsing -TimeoutSec 30 https://dot.net/v1/dotnet-install.ps1 -OutFile $script
    & $script -Channel 10.0 -InstallDir $ownSdk -NoPath | Out-Host
}

# The elements of a typed command, each with whether it adjoins the one before. @args of a function, whose words
# PowerShell has split already, stands for the elements with which the function was called.
function Get-Elements($typed, $callers) {
    $command = [Management.Automation.Language.Parser]::ParseInput($typed, [ref]$null, [ref]$null).Find(
        { $args[0] -is [Management.Automation.Language.CommandAst] }, $false)
    $end = -1
    foreach ($element in $command.CommandElements | Select-Object -Skip 1) {
        $caller = if ($element.Splatted -and $element.VariablePath.UserPath -eq 'args') { $callers[0] }
        if ($caller.InvocationInfo.Statement) {
            Get-Elements $caller.InvocationInfo.Statement @($callers | Select-Object -Skip 1)
        } else {
            @{ Element = $element; Adjoins = $element.Extent.StartOffset -eq $end }
        }
        $end = $element.Extent.EndOffset
    }
}

# The words as they were typed. Where a command line is PowerShell's own, not that of pwsh -File, it has made a list of
# 100,100, two words of -a.png or -o:a, and has taken away the first --.
function Get-Words($values, $typed, $callers) {
    $plain = [string[]]@($values | ForEach-Object { $_ -join ',' })
    if (-not $typed) { return $plain }
    $words = [Collections.Generic.List[string]]::new()
    $next = 0
    $isBehindDashes = $false
    foreach ($typedElement in Get-Elements $typed $callers) {
        $element = $typedElement.Element
        if ($element.Extent.Text -eq '--' -and -not $isBehindDashes) {
            $words.Add('--')
            $isBehindDashes = $true
        } elseif ($element.Argument) {
            $words.Add($plain[$next] + $plain[$next + 1])
            $next += 2
        } elseif ($typedElement.Adjoins) {
            $words[$words.Count - 1] += $plain[$next++]
        } else {
            $words.Add($plain[$next++])
        }
    }
    # A list that was splatted is more words than one.
    if ($next -eq $plain.Count) { $words.ToArray() } else { $plain }
}

$dotnet = 'dotnet'
if (-not (Test-Sdk $dotnet)) {
    $dotnet = Join-Path $ownSdk 'dotnet'
    $env:DOTNET_ROOT = $ownSdk
    $env:PATH = $ownSdk + [IO.Path]::PathSeparator + $env:PATH
    if (-not (Test-Sdk $dotnet)) {
        try { Install-Sdk } catch { Write-Host $_ }
        if (-not (Test-Sdk $dotnet)) {
            $page = 'https://dotnet.microsoft.com/download/dotnet/10.0'
            Write-Host "No .NET 10 SDK could be installed: get it as $page says, then run this again."
            exit 1
        }
    }
}

# A configuration of its own, so that building the solution never overwrites the program that is building it.
$tool = Join-Path $PSScriptRoot 'artifacts/bin/Build/tool/Build.dll'
$built = if (Test-Path $tool) { (Get-Item $tool).LastWriteTimeUtc } else { [DateTime]::MinValue }
$sources = 'build', 'build/*', 'Directory.Build.props', 'Directory.Packages.props', 'global.json'
$files = $sources | ForEach-Object { Get-Item (Join-Path $PSScriptRoot $_) }
if ($files | Where-Object { $_.LastWriteTimeUtc -gt $built }) {
    Push-Location $PSScriptRoot
    $log = & $dotnet build build -c Tool -v q --nologo
    $code = $LASTEXITCODE
    Pop-Location
    if ($code -ne 0) {
        $log | Out-Host
        exit 1
    }
    (Get-Item $tool).LastWriteTimeUtc = [DateTime]::UtcNow
}
$callers = @(Get-PSCallStack | Select-Object -Skip 1)
& $dotnet $tool (Get-Words $args $MyInvocation.Statement $callers)
exit $LASTEXITCODE
