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
& $dotnet $tool @args
exit $LASTEXITCODE
