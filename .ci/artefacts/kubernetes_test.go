// Package artefacts_test checks what is in deploy by the types and the parsers
// of what reads it.
package artefacts_test

import (
	"os"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const deploy = "../../deploy/"

// objects are what kustomize makes of a folder, decoded strictly: a field that
// Kubernetes does not know fails the test.
type objects struct {
	deployments []appsv1.Deployment
	claims      []corev1.PersistentVolumeClaim
	policies    []networkingv1.NetworkPolicy
	accounts    []corev1.ServiceAccount
	maps        []corev1.ConfigMap
	disruptions []policyv1.PodDisruptionBudget
}

func build(t *testing.T, folder string) (o objects) {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		id := r.GetApiVersion() + " " + r.GetKind()
		switch id {
		case "apps/v1 Deployment":
			o.deployments = decode(t, o.deployments, text)
		case "v1 PersistentVolumeClaim":
			o.claims = decode(t, o.claims, text)
		case "networking.k8s.io/v1 NetworkPolicy":
			o.policies = decode(t, o.policies, text)
		case "v1 ServiceAccount":
			o.accounts = decode(t, o.accounts, text)
		case "v1 ConfigMap":
			o.maps = decode(t, o.maps, text)
		case "policy/v1 PodDisruptionBudget":
			o.disruptions = decode(t, o.disruptions, text)
		case "v1 Namespace":
			decode(t, []corev1.Namespace{}, text)
		default:
			t.Errorf("%s: nothing here can decode it", id)
		}
	}
	return o
}

func decode[T any](t *testing.T, to []T, text []byte) []T {
	t.Helper()
	var o T
	if err := yaml.UnmarshalStrict(text, &o); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	return append(to, o)
}

func TestKubernetes(t *testing.T) {
	for _, folder := range []string{"base", "example", "replicas", "example-replicas"} {
		t.Run(folder, func(t *testing.T) {
			o := build(t, deploy+"kubernetes/"+folder)
			if len(o.deployments) != 1 || len(o.policies) != 1 || len(o.accounts) != 1 {
				t.Fatalf("there are %d deployments, %d network policies, %d accounts, not one of each",
					len(o.deployments), len(o.policies), len(o.accounts))
			}
			if strings.HasSuffix(folder, "replicas") {
				checkReplicas(t, o)
			} else {
				checkOne(t, o)
			}
			checkObjects(t, o, folder)
		})
	}
}

// checkOne looks at what a bot with a store of its own has to be given.
func checkOne(t *testing.T, o objects) {
	if len(o.claims) != 1 || len(o.disruptions) != 0 {
		t.Fatalf("there are %d claims, %d disruption budgets", len(o.claims), len(o.disruptions))
	}
	d := o.deployments[0].Spec
	for what, is := range map[string]bool{
		"one replica":         *d.Replicas == 1,
		"Recreate":            d.Strategy.Type == appsv1.RecreateDeploymentStrategyType,
		"a claim of one pod":  len(o.claims[0].Spec.AccessModes) == 1 && o.claims[0].Spec.AccessModes[0] == corev1.ReadWriteOncePod,
		"a file system on it": *o.claims[0].Spec.VolumeMode == corev1.PersistentVolumeFilesystem,
	} {
		if !is {
			t.Errorf("the bot lacks: %s", what)
		}
	}
}

// checkReplicas looks at what bots that share a table have to be given.
func checkReplicas(t *testing.T, o objects) {
	if len(o.claims) != 0 || len(o.disruptions) != 1 {
		t.Fatalf("there are %d claims, %d disruption budgets", len(o.claims), len(o.disruptions))
	}
	d, budget := o.deployments[0].Spec, o.disruptions[0].Spec
	rolling := d.Strategy.RollingUpdate
	for what, is := range map[string]bool{
		"two replicas":                 *d.Replicas == 2,
		"a new one before an old goes": d.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType && rolling.MaxUnavailable.IntValue() == 0,
		"connections to Slack for all": 2*(int(*d.Replicas)+rolling.MaxSurge.IntValue()) <= 10,
		"no volume but what is read":   len(d.Template.Spec.Volumes) == 2,
		"one of them stays":            budget.MaxUnavailable.IntValue() == 1,
		"the budget finds the pods":    budget.Selector.MatchLabels["app.kubernetes.io/name"] == d.Template.Labels["app.kubernetes.io/name"],
		"zones of their own":           d.Template.Spec.TopologySpreadConstraints[0].TopologyKey == corev1.LabelTopologyZone,
	} {
		if !is {
			t.Errorf("the bots lack: %s", what)
		}
	}
}

// checkObjects looks at what a schema cannot know: what a bot, which nobody calls,
// has to be given.
func checkObjects(t *testing.T, o objects, folder string) {
	d := o.deployments[0].Spec
	pod := d.Template.Spec
	c := pod.Containers[0]
	for what, is := range map[string]bool{
		"one container":               len(pod.Containers) == 1,
		"not root":                    *pod.SecurityContext.RunAsNonRoot && *pod.SecurityContext.RunAsUser == 65532,
		"a read-only root":            *c.SecurityContext.ReadOnlyRootFilesystem,
		"no more privileges":          !*c.SecurityContext.AllowPrivilegeEscalation,
		"no capabilities":             c.SecurityContext.Capabilities.Drop[0] == "ALL" && c.SecurityContext.Capabilities.Add == nil,
		"seccomp":                     pod.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"no token of Kubernetes":      !*pod.AutomountServiceAccountToken,
		"ended if the loop stands":    c.LivenessProbe.HTTPGet.Path == "/healthz",
		"not ended for lack of Slack": c.ReadinessProbe.HTTPGet.Path == "/readyz",
		"the selector finds the pod":  d.Selector.MatchLabels["app.kubernetes.io/name"] == d.Template.Labels["app.kubernetes.io/name"],
		"both directions are closed":  len(o.policies[0].Spec.PolicyTypes) == 2,
	} {
		if !is {
			t.Errorf("the bot lacks: %s", what)
		}
	}
	mounted := make(map[string]bool)
	for _, m := range c.VolumeMounts {
		mounted[m.Name] = true
		for _, v := range pod.Volumes {
			if v.Name == m.Name && v.PersistentVolumeClaim != nil && (len(o.claims) == 0 || v.PersistentVolumeClaim.ClaimName != o.claims[0].Name) {
				t.Errorf("it mounts the claim %s, which is not there", v.PersistentVolumeClaim.ClaimName)
			}
		}
	}
	for _, v := range pod.Volumes {
		if !mounted[v.Name] {
			t.Errorf("nothing mounts the volume %s", v.Name)
		}
		if v.ConfigMap != nil && len(o.maps) > 0 && v.ConfigMap.Name != o.maps[0].Name {
			t.Errorf("it mounts the configuration %s, and %s is made", v.ConfigMap.Name, o.maps[0].Name)
		}
	}
	for _, m := range o.maps {
		text, err := os.ReadFile(deploy + "kubernetes/" + folder + "/sshforward.yaml")
		if err != nil || m.Data["sshforward.yaml"] != string(text) {
			t.Errorf("the configuration is not taken over: %v", err)
		}
	}
	if !strings.Contains(strings.Join(c.Args, " "), "serve --config /etc/sshforward/sshforward.yaml") {
		t.Errorf("it is started with %q", c.Args)
	}
}
