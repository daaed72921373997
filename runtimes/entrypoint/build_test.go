package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withBuildEnv runs a shell command under build/with-build-env.
func withBuildEnv(t *testing.T, secrets map[string]string, environ []string, script string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range secrets {
		writeFile(t, filepath.Join(dir, name), text, 0o600)
	}
	cmd := exec.Command("sh", "build/with-build-env", "sh", "-c", script)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "BUILD_SECRETS=" + dir}, environ...)
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), dir, "SECRETS"), err
}

func TestWithBuildEnv(t *testing.T) {
	home := t.TempDir()
	for _, c := range []struct {
		name    string
		secrets map[string]string
		environ []string
		script  string
		want    string
	}{
		{"no secrets", nil, nil, `echo "${SSL_CERT_FILE-none} ${HTTP_PROXY-none} ${NPM_CONFIG_USERCONFIG-none} ${CARGO_HOME-none}"`, "none none none none\n"},
		{"empty secrets", map[string]string{"build-env": "", "ca": "", "npmrc": "", "cargo": ""}, nil,
			`echo "${SSL_CERT_FILE-none} ${HTTP_PROXY-none} ${NPM_CONFIG_USERCONFIG-none} ${CARGO_HOME-none}"`, "none none none none\n"},
		{"variables", map[string]string{"build-env": "export HTTP_PROXY='http://u:p'\"'\"'w@h:1'\nexport GOPROXY='https://go.test,direct'\n"}, nil,
			`echo "$HTTP_PROXY $http_proxy $GOPROXY"`, "http://u:p'w@h:1 http://u:p'w@h:1 https://go.test,direct\n"},
		{"lower-case names", map[string]string{"build-env": "export https_proxy='a'\nexport no_proxy='b'\n"}, nil, `echo "$HTTPS_PROXY $NO_PROXY"`, "a b\n"},
		{"both kept", map[string]string{"build-env": "export https_proxy='a'\nexport HTTPS_PROXY='b'\n"}, nil, `echo "$https_proxy $HTTPS_PROXY"`, "a b\n"},
		{"authorities", map[string]string{"ca": "PEM"}, nil,
			`echo $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS $CARGO_HTTP_CAINFO $PIP_CERT $CURL_CA_BUNDLE $GIT_SSL_CAINFO`, strings.TrimSpace(strings.Repeat("SECRETS/ca ", 6)) + "\n"},
		{"npm", map[string]string{"npmrc": "x=y"}, nil, `echo $NPM_CONFIG_USERCONFIG`, "SECRETS/npmrc\n"},
		{"cargo", map[string]string{"cargo": "[net]\n"}, []string{"CARGO_HOME=" + filepath.Join(home, "c")}, `cat $CARGO_HOME/config.toml; readlink $CARGO_HOME/config.toml`, "[net]\nSECRETS/cargo\n"},
		{"cargo in the home directory", map[string]string{"cargo": "[net]\n"}, []string{"HOME=" + home}, `cat $HOME/.cargo/config.toml`, "[net]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := withBuildEnv(t, c.secrets, c.environ, c.script); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	t.Run("exit code", func(t *testing.T) {
		_, err := withBuildEnv(t, nil, nil, "exit 7")
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no command", func(t *testing.T) {
		out, err := exec.Command("sh", "build/with-build-env").CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "usage") {
			t.Errorf("got %v: %s", err, out)
		}
	})
	t.Run("is executable", func(t *testing.T) {
		if mode(t, "build/with-build-env")&0o111 != 0o111 {
			t.Error("with-build-env lost its mode")
		}
	})
}
